/**
 * `deno task compile`: writes `dist/injixo-cloud-link`.
 *
 * The program is bundled first, into one file for each worker and command plus what they share: only the code that is
 * used gets into the executable and into memory, and a start reads a few files instead of hundreds. Arguments:
 * `--output FILE`, and `--target TRIPLE` for another system.
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runTool } from "./tool.ts";

const project = fileURLToPath(new URL("..", import.meta.url));

/**
 * Entry points of the program and of its workers; `ownModule` in `src/runtime/own_module.ts` resolves to the latter.
 */
export const entryModules: readonly string[] = [
  "main.ts",
  "src/cli/run/agent_worker.ts",
  "src/cli/run/share_worker.ts",
  "src/egress/relay_worker.ts",
  "src/hub/rows/load_worker.ts",
];

/**
 * The first lowers the agent's peak memory by 20 MB at the same processor time. On its own it makes V8 collect the whole
 * heap after every 2 MB, however large it is, and a hub with thousands of agents would do little else; with the second
 * it waits until the heap has grown by 30 %.
 */
export const v8Flags = "--v8-flags=--optimize-for-size,--heap-growing-percent=30";

/** What to compile, and for which platform. */
export interface CompileOptions {
  readonly output: string;
  /** What Deno calls the platform. @default this machine's */
  readonly target?: string | undefined;
  /**
   * Path of a denort for that platform, for machines that cannot reach Deno's downloads.
   * @default `DENORT_BIN`, else Deno's own
   */
  readonly runtime?: string | undefined;
}

/** Compiles the program. */
export async function compileExecutable({ output, target, runtime }: CompileOptions): Promise<void> {
  const bundle = await Deno.makeTempDir({ prefix: "injixo-cloud-link-bundle-" });
  try {
    await bundleInto(bundle);
    const [main = "", ...workers] = entryModules.map((module) => module.replace(/ts$/, "js"));
    await runTool(Deno.execPath(), [
      "compile",
      ...["--quiet", "--no-config", "--no-lock", "--no-check", "--no-code-cache"],
      ...["--unstable-worker-options", "--allow-all", "--no-prompt"],
      v8Flags,
      ...(target === undefined ? [] : [`--target=${target}`]),
      ...workers.map((worker) => `--include=${worker}`),
      `--output=${resolve(output)}`,
      main,
    ], { cwd: bundle, env: runtime === undefined ? {} : { DENORT_BIN: runtime } });
  } finally {
    await Deno.remove(bundle, { recursive: true });
  }
}

/** Writes `main.js`, the workers under their own paths, and the chunks. */
async function bundleInto(folder: string): Promise<void> {
  const options = ["--quiet", "--platform=deno", "--code-splitting", `--outdir=${folder}`];
  await runTool(Deno.execPath(), ["bundle", ...options, ...entryModules], { cwd: project });
  for await (const path of javaScriptIn(folder)) {
    await Deno.writeTextFile(path, withoutOtherPaths(await Deno.readTextFile(path)));
  }
}

async function* javaScriptIn(folder: string): AsyncGenerator<string, void, undefined> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* javaScriptIn(join(folder, name));
    else yield join(folder, name);
  }
}

/**
 * The bundler writes each module's path on this machine above it, which concerns nobody else. Line numbers stay the
 * same.
 */
function withoutOtherPaths(code: string): string {
  return code.replace(/^\/\/ (?:\.\.\/|\/|[A-Z]:)\S+$/gm, "");
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { output: { type: "string" }, target: { type: "string" } },
  });
  await compileExecutable({ ...values, output: values.output ?? join(project, "dist", "injixo-cloud-link") });
}
