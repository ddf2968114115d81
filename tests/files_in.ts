/** What a program has left on the disk. */
import { join } from "node:path";

/** The paths of all files below a folder, at any depth, in the order of their names. */
export async function filesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    found.push(...isDirectory ? await filesIn(path) : [path]);
  }
  return found.toSorted();
}
