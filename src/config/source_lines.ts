/** Finds the line of a section or key in a TOML text, for messages. */

/**
 * 1-based line on which the section or the key starts; `undefined` if it is written in an unusual way (inline tables,
 * dotted or quoted keys), since a wrong line would be worse than none.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(findLine('[app]\nname = "x"\n', { section: "app", key: "name" }), 2);
 * ```
 */
export function findLine(source: string, place: { section?: string; key?: string }): number | undefined {
  let section: string | undefined;
  for (const [index, line] of source.split(/\r?\n/).entries()) {
    const header = /^\s*\[\s*([^\[\]]+?)\s*\]/.exec(line)?.[1];
    if (header !== undefined) {
      section = header;
      if (place.key === undefined && section === place.section) return index + 1;
    } else if (place.key !== undefined && section === place.section) {
      if (/^\s*([A-Za-z0-9_-]+)\s*=/.exec(line)?.[1] === place.key) return index + 1;
    }
  }
  return undefined;
}
