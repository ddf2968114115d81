/** The packages that go into the executable. */
import { fileURLToPath } from "node:url";
import { entryModules } from "../installer/executable.ts";

/** A package of the registry. */
export interface NpmPackage {
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

/** The packages reachable at run time, with what they depend on. */
export async function packagesInside(): Promise<NpmPackage[]> {
  const found = new Map<string, NpmPackage>();
  for (const root of entryModules) {
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", fileURLToPath(new URL(`../${root}`, import.meta.url))],
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
