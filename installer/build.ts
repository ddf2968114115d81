/**
 * `deno task msi`: writes `dist/injixo-cloud-link.msi`.
 *
 * On Windows with candle and light (WiX 3.10 or later, by `PATH` or `%WIX%`), elsewhere with wixl (msitools 0.106),
 * possibly inside the sandbox that `../shared/tools/wine-box` sets up. Both read the same source; what wixl does not
 * support is added to its tables here. Arguments: `--version X.Y.Z` and `--executable FILE` for another version or a
 * compiled program, `--output FILE`.
 */
import { createHash } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import manifest from "../deno.json" with { type: "json" };
import { exists } from "../src/runtime/exists.ts";
import { accompany } from "./accompany.ts";
import { readCompoundFile, writeCompoundFile } from "./compound_file.ts";
import { addInstances, guidOf } from "./instance_transforms.ts";
import { Database } from "./msi_tables.ts";
import { forWixl, readSource, type SourceFacts, type Variables } from "./source.ts";
import { runTool } from "./tool.ts";
import { compileForWindows, sharedRuntime } from "./windows_executable.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const sources = ["injixo-cloud-link.wxs", "pages.wxs"] as const;
/** msidbComponentAttributesNeverOverwrite. */
const neverOverwrite = 0x80;
/** Instances in addition to the first. */
const instancesMax = 8;

/** What to build. */
export interface MsiOptions {
  readonly version: string;
  /** A compiled program; if absent, one is compiled. */
  readonly executable?: string | undefined;
  readonly output: string;
}

/** Builds the MSI. */
export async function buildMsi(options: MsiOptions): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "injixo-cloud-link-msi-" });
  try {
    const files = join(work, "files");
    await Deno.mkdir(files);
    const executable = join(files, "injixo-cloud-link.exe");
    if (options.executable !== undefined) await Deno.copyFile(options.executable, executable);
    else await compileForWindows({ output: executable, runtime: await sharedRuntime(project) });
    const settings = await Deno.readTextFile(join(project, "injixo-cloud-link.toml"));
    await Deno.writeTextFile(join(files, "injixo-cloud-link.toml"), settings.replace(/\r?\n/g, "\r\n"));
    await writeLicenses({ work, files });
    const variables = await variablesOf({ version: options.version, files, executable });
    const output = resolve(options.output);
    await Deno.mkdir(dirname(output), { recursive: true });
    if (Deno.build.os === "windows") await buildWithLight({ work, variables, output });
    else await buildWithWixl({ work, variables, output });
    await accompany(output, { version: options.version });
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Different content is a different product, so that it also replaces an earlier build of the same version. */
async function variablesOf(
  { version, files, executable }: { version: string; files: string; executable: string },
): Promise<Variables> {
  const content = createHash("sha256").update(await Deno.readFile(executable)).digest("hex");
  const codes = Array.from({ length: instancesMax + 1 }, (_, index) => {
    return [`ProductCode${index}`, guidOf(`product:${version}:${content}:${index}`)] as const;
  });
  return { Version: version, Files: files, ...Object.fromEntries(codes) };
}

async function writeLicenses({ work, files }: { work: string; files: string }): Promise<void> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(join(project, "licenses"))) if (name.endsWith(".txt")) names.push(name);
  await Deno.mkdir(join(files, "licenses"));
  const lines = await Promise.all(
    names.sort().map(async (name, index) => {
      await Deno.copyFile(join(project, "licenses", name), join(files, "licenses", name));
      const keyPath = index === 0 ? ' KeyPath="yes"' : "";
      return `  <File Id="License${index + 1}" Name="${name}" Source="$(var.Files)/licenses/${name}"${keyPath} />`;
    }),
  );
  const include = ['<Include xmlns="http://schemas.microsoft.com/wix/2006/wi">', ...lines, "</Include>", ""].join("\n");
  await Deno.writeTextFile(join(work, "licenses.wxi"), include);
}

interface Build {
  readonly work: string;
  readonly variables: Variables;
  readonly output: string;
}

async function buildWithLight({ work, variables, output }: Build): Promise<void> {
  const tool = (name: string) => {
    const folder = Deno.env.get("WIX");
    return folder === undefined ? name : join(folder, "bin", `${name}.exe`);
  };
  for (const name of sources) await Deno.copyFile(join(project, "installer", name), join(work, name));
  const defines = Object.entries(variables).map(([name, value]) => `-d${name}=${value}`);
  await runTool(tool("candle"), ["-nologo", "-arch", "x64", ...defines, "-out", `${work}\\`, ...sources], {
    cwd: work,
  });
  const objects = sources.map((name) => name.replace(/wxs$/, "wixobj"));
  await runTool(tool("light"), ["-nologo", "-spdb", "-out", output, ...objects], { cwd: work });
}

async function buildWithWixl({ work, variables, output }: Build): Promise<void> {
  const texts = await Promise.all(sources.map((name) => Deno.readTextFile(join(project, "installer", name))));
  for (const [index, name] of sources.entries()) {
    await Deno.writeTextFile(join(work, name), forWixl(texts[index] ?? ""));
  }
  const defines = Object.entries({ ...variables, NoInstanceTransforms: "1" })
    .flatMap(([name, value]) => ["-D", `${name}=${value}`]);
  const made = join(work, "made.msi");
  await wixl(
    ["--arch", "x64", "--ext", "ui", ...defines, "--output", made, ...sources.map((name) => join(work, name))],
    {
      work,
    },
  );
  const storage = readCompoundFile(await Deno.readFile(made));
  complete(new Database(storage), readSource(texts.join("\n"), variables));
  await Deno.writeFile(output, writeCompoundFile(storage));
}

/** Adds what wixl leaves out. */
function complete(database: Database, facts: SourceFacts): void {
  const components = database.table("Component");
  for (const row of components.rows) {
    if (facts.neverOverwrite.includes(String(row[0]))) row[3] = Number(row[3]) | neverOverwrite;
  }
  database.replace("Component", components);
  const properties = database.table("Property");
  const secure = properties.rows.find(([name]) => name === "SecureCustomProperties");
  if (secure === undefined) throw new Error("Cannot complete the MSI: it has no SecureCustomProperties");
  secure[1] = [...new Set([...String(secure[1]).split(";"), ...facts.secureProperties])].join(";");
  database.replace("Property", properties);
  addInstances(database, { instances: facts.instances, property: facts.instanceProperty });
}

async function wixl(args: readonly string[], { work }: { work: string }): Promise<void> {
  const box = join(project, "..", "shared", "tools", "wine-box");
  try {
    await runTool("wixl", args, { cwd: work });
    return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (!await exists(box)) {
    throw new Error("Cannot build the MSI: wixl is not installed. Run: apt-get install wixl (msitools 0.106 or later)");
  }
  await runTool(box, ["up"]);
  await runTool(box, ["run", "-b", work, "wixl", ...args]);
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { version: { type: "string" }, executable: { type: "string" }, output: { type: "string" } },
  });
  await buildMsi({
    version: values.version ?? manifest.version,
    executable: values.executable,
    output: values.output ?? join(project, "dist", "injixo-cloud-link.msi"),
  });
}
