/** Whether one path lies below another. Pure: links are not followed, so compare real paths where that matters. */
import { isAbsolute, relative, sep } from "node:path";

/**
 * Whether `path` lies below `folder`, at any depth; a folder is not inside itself. Both are absolute.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(isInside("/data/import/calls.csv", "/data"), true);
 * assertEquals(isInside("/data/..calls.csv", "/data/"), true);
 * assertEquals(isInside("/data", "/data"), false);
 * assertEquals(isInside("/database", "/data"), false);
 * assertEquals(isInside("/", "/data"), false);
 * ```
 */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
