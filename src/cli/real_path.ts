/** Resolves paths, following links. */
import { basename, dirname, join } from "node:path";

/**
 * The real path, as far as the path exists: missing parts at its end may be created later. One that this user may not
 * follow stays as it is.
 */
export async function realPathOf(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    const parent = dirname(path);
    if (!(error instanceof Deno.errors.NotFound) || parent === path) return path;
    return join(await realPathOf(parent), basename(path));
  }
}
