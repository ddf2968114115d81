/** URLs of this program's own modules, for starting workers. */

/**
 * The URL of a module given by its path in the project: in a checkout, of the source; in the compiled executable, of
 * the bundle made from it, because bundled chunks are not where their modules were.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(ownModule("src/runtime/clock.ts"), import.meta.resolve("./clock.ts"));
 * ```
 */
export function ownModule(path: `src/${string}.ts`): string {
  return Deno.build.standalone
    ? new URL(path.replace(/ts$/, "js"), Deno.mainModule).href
    : new URL(`../../${path}`, import.meta.url).href;
}
