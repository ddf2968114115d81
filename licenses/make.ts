/**
 * `deno task licenses`: writes the licence of every package that goes into the executable into this folder;
 * `--check` only says whether the folder is current. `deno.txt` is the runtime's, kept by hand.
 */
import { basename, join } from "node:path";
import { type NpmPackage, packagesInside } from "./packages_inside.ts";

const folder = new URL(".", import.meta.url).pathname;
const keptByHand = new Set(["deno.txt", "make.ts", "packages_inside.ts"]);

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
