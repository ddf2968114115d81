/** Text and small structures for the Windows API: null-terminated UTF-16, little-endian. Pure. */

/** Null-terminated UTF-16. */
export function wide(text: string): Uint8Array<ArrayBuffer> {
  const units = new Uint16Array(text.length + 1);
  for (let index = 0; index < text.length; index++) units[index] = text.charCodeAt(index);
  return new Uint8Array(units.buffer);
}

/**
 * The text that starts at a byte offset and ends at a null, or at the end of the bytes.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(fromWide(wide("Größe"), 2), "röße");
 * ```
 */
export function fromWide(bytes: Uint8Array, offset = 0): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let at = offset; at + 1 < bytes.length; at += 2) {
    const unit = view.getUint16(at, true);
    if (unit === 0) break;
    text += String.fromCharCode(unit);
  }
  return text;
}

/**
 * The program in a service's command line (`ImagePath`).
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(programOf('"C:\\Program Files\\a b\\x.exe" run'), "C:\\Program Files\\a b\\x.exe");
 * assertEquals(programOf("C:\\x\\y.exe run"), "C:\\x\\y.exe");
 * ```
 */
export function programOf(commandLine: string): string {
  const quoted = /^\s*"([^"]*)"/.exec(commandLine)?.[1];
  return quoted ?? /^\s*(.*?\.exe)(?:\s|$)/i.exec(commandLine)?.[1] ?? commandLine.trim();
}

/**
 * An argument for a Windows command line, quoted by the rules of `CommandLineToArgvW`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(["run", "C:\\a b\\"].map(quoteArgument), ["run", '"C:\\a b\\\\"']);
 * ```
 */
export function quoteArgument(argument: string): string {
  if (argument !== "" && !/[\s"]/.test(argument)) return argument;
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}
