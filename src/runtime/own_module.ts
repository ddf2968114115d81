/** Addresses of this program's own modules that workers begin with. */

/**
 * The address of a module, given by its path in the project: of the source from a checkout, and of what the source was
 * bundled into in the compiled executable, where chunks of code lie elsewhere than the modules they came from.
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
