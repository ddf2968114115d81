/** The compiled executable under test. */
import { join } from "node:path";
import { exists } from "../../src/runtime/exists.ts";

/** The repository's folder. */
export const projectFolder: string = new URL("../../", import.meta.url).pathname;

/** Path of the compiled executable; `deno task test` compiles it first. */
export const executable: string = join(projectFolder, "dist", "injixo-cloud-link");

/** Compiles the executable as `deno task compile` does. */
export async function compileExecutable(): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "compile"],
    cwd: projectFolder,
    env: await runtimeEnvironment(),
    stdout: "null",
  }).output();
  if (!success) throw new Error(`Cannot compile ${executable}: see the messages above`);
}

/** Compiles another program of the tests. */
export async function compile(
  main: string,
  { output, include, v8Flags = [] }: { output: string; include: readonly string[]; v8Flags?: readonly string[] },
): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--quiet",
      "--no-check",
      "--no-code-cache",
      "--exclude-unused-npm",
      "--allow-all",
      "--no-prompt",
      ...(v8Flags.length > 0 ? [`--v8-flags=${v8Flags.join(",")}`] : []),
      ...include.map((file) => `--include=${file}`),
      `--output=${output}`,
      main,
    ],
    cwd: projectFolder,
    env: await runtimeEnvironment(),
  }).output();
  if (!success) throw new Error(`Cannot compile "${main}": ${new TextDecoder().decode(stderr)}`);
}

/**
 * The runtime that a folder `shared/tools` beside the project gives, if there is one: machines without access to Deno's
 * downloads need it.
 */
async function runtimeEnvironment(): Promise<Record<string, string>> {
  const denort = join(projectFolder, "..", "shared", "tools", "denort");
  if (Deno.env.get("DENORT_BIN") || !await exists(denort)) return {};
  const { stdout, success } = await new Deno.Command(denort, { stderr: "inherit" }).output();
  return success ? { DENORT_BIN: new TextDecoder().decode(stdout).trim() } : {};
}
