/**
 * `deno task package`: writes to `dist/` what Linux users download, from the executable already there:
 *
 * - `injixo-cloud-link-linux-x64.tar.gz`: the executable, its configuration and the licences; unpack it in the
 *   installation folder. The same input gives the same bytes.
 * - `….tar.gz.sha256`, as `sha256sum --check` reads it, and `….tar.gz.json` with the version
 * - `….cdx.json`: what is inside, as a software bill of materials (CycloneDX 1.6)
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { accompany } from "../installer/accompany.ts";
import { type NpmPackage, packagesInside } from "../licenses/packages_inside.ts";
import { tarOf } from "../src/runtime/tar.ts";
import { programName, version } from "../src/runtime/version.ts";

const projectFolder = fileURLToPath(new URL("..", import.meta.url));
/** Timestamp of all files unless `SOURCE_DATE_EPOCH` is set: 1980, the earliest that every tool supports. */
const defaultEpochSeconds = 315_532_800;

/** What to package, and where. */
export interface PackageOptions {
  /** The compiled executable. */
  readonly executable: string;
  readonly outputFolder: string;
  /** As in the name of the archive. */
  readonly architecture: "x64" | "arm64";
  /** Of all files in the archive, in ms since the epoch. */
  readonly modifiedAtMs?: number;
}

/** Writes archive, checksum and bill of materials; returns the archive's path. */
export async function makePackage(options: PackageOptions): Promise<string> {
  const { executable, outputFolder, architecture, modifiedAtMs = defaultEpochSeconds * 1000 } = options;
  const program = await Deno.readFile(executable);
  const licences = (await Array.fromAsync(Deno.readDir(join(projectFolder, "licenses")), ({ name }) => name))
    .filter((name) => name.endsWith(".txt")).toSorted();
  const file = (path: string) => Deno.readFile(join(projectFolder, path));
  const entries = [
    { name: programName, content: program, mode: 0o755 },
    { name: `${programName}.toml`, content: await file(`${programName}.toml`) },
    ...await Promise.all(
      ["LICENSE", ...licences].map(async (name) => ({
        name: name === "LICENSE" ? `licenses/${programName}.txt` : `licenses/${name}`,
        content: await file(name === "LICENSE" ? name : `licenses/${name}`),
      })),
    ),
  ];
  const archive = gzipSync(tarOf(entries, { modifiedAtMs }), { level: 6 });
  archive[9] = 255; // the system that compressed it: none
  const path = join(outputFolder, `${programName}-linux-${architecture}.tar.gz`);
  await Deno.mkdir(outputFolder, { recursive: true });
  await Deno.writeFile(path, archive);
  await accompany(path, { version });
  const packages = await packagesInside();
  const bill = billOfMaterials(packages, {
    executable: hash("sha256", program),
    runtime: await runtimeOf(executable),
    integrity: await lockedHashes(),
    licences: await licencesOf(packages),
  });
  await Deno.writeTextFile(path.replace(/\.tar\.gz$/, ".cdx.json"), `${JSON.stringify(bill, null, 2)}\n`);
  return path;
}

/** CycloneDX 1.6 without a timestamp: the same program gives the same document. */
function billOfMaterials(
  packages: readonly NpmPackage[],
  { executable, runtime, integrity, licences }: {
    executable: string;
    runtime: { deno: string; v8: string } | undefined;
    integrity: ReadonlyMap<string, string>;
    licences: ReadonlyMap<string, string>;
  },
): unknown {
  const reference = (name: string, release: string) => `pkg:npm/${name.replace("@", "%40")}@${release}`;
  const main = `pkg:generic/${programName}@${version}`;
  const deno = runtime === undefined ? [] : [
    {
      type: "platform",
      "bom-ref": `pkg:github/denoland/deno@v${runtime.deno}`,
      name: "deno",
      version: runtime.deno,
      licenses: licensed("MIT"),
    },
    {
      type: "library",
      "bom-ref": `pkg:github/v8/v8@${runtime.v8}`,
      name: "v8",
      version: runtime.v8,
      licenses: licensed("BSD-3-Clause"),
    },
  ].map((component) => ({ ...component, purl: component["bom-ref"] }));
  const components = packages.map(({ name, version: release }) => {
    const sha512 = integrity.get(`${name}@${release}`);
    return {
      type: "library",
      "bom-ref": reference(name, release),
      name,
      version: release,
      purl: reference(name, release),
      licenses: licensed(licences.get(name) ?? ""),
      ...(sha512 === undefined ? {} : { hashes: [{ alg: "SHA-512", content: sha512 }] }),
    };
  });
  const named = new Map(packages.map(({ name, version: release }) => [`${name}@${release}`, reference(name, release)]));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(executable)}`,
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": main,
        name: programName,
        version,
        purl: main,
        licenses: licensed("MIT"),
        hashes: [{ alg: "SHA-256", content: executable }],
      },
    },
    components: [...deno, ...components],
    dependencies: [
      { ref: main, dependsOn: [...deno, ...components].map((component) => component["bom-ref"]) },
      ...packages.map(({ name, version: release, dependencies }) => ({
        ref: reference(name, release),
        dependsOn: dependencies.flatMap((id) => named.get(id) ?? []),
      })),
    ],
  };
}

/** A licence as CycloneDX has it: the identifier of one, or an expression (SPDX). */
function licensed(spdx: string): unknown[] {
  return /^[\w.-]+$/.test(spdx) ? [{ license: { id: spdx } }] : [{ expression: spdx }];
}

/** The licences that the packages declare, by name. */
async function licencesOf(packages: readonly NpmPackage[]): Promise<Map<string, string>> {
  return new Map(
    await Promise.all(packages.map(async ({ name, localPath }) => {
      const { license } = JSON.parse(await Deno.readTextFile(join(localPath, "package.json")));
      if (typeof license !== "string") {
        throw new Error(`Cannot name the licence of "${name}": its package.json has none`);
      }
      return [name, license] as const;
    })),
  );
}

/**
 * The version of the embedded runtime, as reported by the executable itself; `undefined` when it is for another
 * architecture.
 */
async function runtimeOf(executable: string): Promise<{ deno: string; v8: string } | undefined> {
  try {
    const { stdout, success } = await new Deno.Command(executable, { args: ["version", "--json"] }).output();
    return success ? JSON.parse(new TextDecoder().decode(stdout)) : undefined;
  } catch {
    return undefined;
  }
}

/** SHA-512 of the packages, from the lock file, by `name@version`. */
async function lockedHashes(): Promise<Map<string, string>> {
  const { npm } = JSON.parse(await Deno.readTextFile(join(projectFolder, "deno.lock")));
  return new Map(
    Object.entries(npm as Record<string, { integrity: string }>).map(([id, { integrity }]) => [
      id,
      Uint8Array.fromBase64(integrity.replace("sha512-", "")).toHex(),
    ]),
  );
}

function hash(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest("hex");
}

/** A UUID of version 8 (RFC 9562) from a hash. */
function uuidOf(hex: string): string {
  const digits = `${hex.slice(0, 12)}8${hex.slice(13, 16)}8${hex.slice(17, 32)}`;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Architectures as archives name them. */
const architectures = { x86_64: "x64", aarch64: "arm64" } as const;

if (import.meta.main) {
  const epoch = Number(Deno.env.get("SOURCE_DATE_EPOCH") ?? defaultEpochSeconds);
  const path = await makePackage({
    executable: join(projectFolder, "dist", programName),
    outputFolder: join(projectFolder, "dist"),
    architecture: architectures[Deno.build.arch],
    modifiedAtMs: epoch * 1000,
  });
  // deno-lint-ignore no-console -- a command that talks to its user
  console.log(`Wrote ${path} and its .sha256, .json and .cdx.json`);
}
