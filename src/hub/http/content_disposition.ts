/** The name under which a browser saves a download (RFC 6266), whatever characters it contains. */

/**
 * `attachment` with the name twice: plain ASCII for old clients, and in full by RFC 8187.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * assertEquals(
 *   attachment('Süd "1".csv'),
 *   `attachment; filename="S_d _1_.csv"; filename*=UTF-8''S%C3%BCd%20%221%22.csv`,
 * );
 * ```
 */
export function attachment(fileName: string): string {
  const name = fileName.replaceAll(/[\p{Cc}/\\]/gu, "_").toWellFormed();
  const plain = name.replaceAll(/[^\x20-\x7e]|["%;]/g, "_");
  const full = encodeURIComponent(name).replaceAll(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${full}`;
}
