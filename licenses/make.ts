/**
 * `deno task licenses`: writes the licence of every package that goes into the executable into this folder;
 * `--check` only says whether the folder is current. `deno.txt` is the runtime's, kept by hand.
 */
import { basename, join } from "node:path";

const folder = new URL(".", import.meta.url).pathname;
const projectFolder = join(folder, "..");
/** The modules that `deno task compile` puts in. */
const roots = ["main.ts", "src/cli/agent_worker.ts", "src/egress/relay_worker.ts"];
const keptByHand = new Set(["deno.txt", "make.ts"]);

interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly localPath: string;
  readonly dependencies: readonly string[];
}

interface ModuleGraph {
  readonly modules: readonly { readonly npmPackage?: string; readonly dependencies?: readonly ModuleDependency[] }[];
  readonly npmPackages: Readonly<Record<string, NpmPackage>>;
}

interface ModuleDependency {
  readonly code?: { readonly specifier: string };
  readonly npmPackage?: string;
}

/** The packages reachable from `roots` at run time, with what they depend on. */
async function packagesInside(): Promise<NpmPackage[]> {
  const found = new Map<string, NpmPackage>();
  for (const root of roots) {
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", join(projectFolder, root)],
      stderr: "null",
    }).output();
    if (!success) throw new Error(`Cannot read the module graph of "${root}": deno info failed`);
    const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));
    const add = (id: string) => {
      const npmPackage = graph.npmPackages[id];
      if (npmPackage === undefined || found.has(id)) return;
      found.set(id, npmPackage);
      npmPackage.dependencies.forEach(add);
    };
    for (const module of graph.modules) {
      if (module.npmPackage !== undefined) add(module.npmPackage);
      for (const dependency of module.dependencies ?? []) {
        if (dependency.npmPackage !== undefined && dependency.code !== undefined) add(dependency.npmPackage);
      }
    }
  }
  return [...found.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}

/** File name → text. */
async function licenceTexts(packages: readonly NpmPackage[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const { name, version, localPath } of packages) {
    const manifest = JSON.parse(await Deno.readTextFile(join(localPath, "package.json")));
    const files = Array.fromAsync(Deno.readDir(localPath), ({ name }) => name);
    const file = (await files).toSorted().find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const text = file === undefined
      ? `${name} states the licence ${manifest.license} and carries no text of it.`
      : await Deno.readTextFile(join(localPath, file));
    texts.set(
      `${name.replace("@", "").replace("/", "-")}.txt`,
      `${name} ${version}, ${manifest.license}\n\n${text.trimEnd()}\n`,
    );
  }
  return texts;
}

async function main(): Promise<number> {
  const wanted = await licenceTexts(await packagesInside());
  const present = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  const stale = present.filter((name) => !keptByHand.has(name) && !wanted.has(name));
  const changed: string[] = [];
  for (const [name, text] of wanted) {
    if (await Deno.readTextFile(join(folder, name)).catch(() => "") !== text) changed.push(name);
  }
  if (Deno.args.includes("--check")) {
    if (stale.length + changed.length === 0) return 0;
    report(`licenses/ is not current (${[...stale, ...changed].map((name) => basename(name)).join(", ")}): run deno task licenses`);
    return 1;
  }
  for (const name of stale) await Deno.remove(join(folder, name));
  for (const name of changed) await Deno.writeTextFile(join(folder, name), wanted.get(name) ?? "");
  report(`${wanted.size} licences in licenses/, ${changed.length} written, ${stale.length} removed`);
  return 0;
}

// deno-lint-ignore no-console -- a command that talks to its user
const report = (line: string) => console.log(line);

Deno.exit(await main());
