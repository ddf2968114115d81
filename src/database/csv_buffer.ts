/**
 * CSV as batches have it (RFC 4180): UTF-8, header line, CRLF after every line, quotes only where needed. NULL is an empty
 * field, an empty text is `""`.
 *
 * Hot loops write to `bytes` directly; this file has the container and the slow, general way to write a field.
 */

/** A chunk of CSV being filled. */
export class CsvBuffer {
  bytes: Uint8Array<ArrayBuffer>;
  /** The same memory, for writing several bytes at once at any offset. */
  view: DataView<ArrayBuffer>;
  /** Bytes filled. */
  length = 0;
  /** How much space the row that did not fit needs at most, in bytes; set by the encoder. */
  roomWanted = 0;
  /** Number of characters that are U+FFFD instead of what the database holds. */
  replacedCharacters = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(capacity));
    this.view = new DataView(this.bytes.buffer);
  }

  get room(): number {
    return this.bytes.length - this.length;
  }

  /** Makes room for a row larger than the whole buffer; only an empty buffer may grow. */
  grow(capacity: number): void {
    if (capacity <= this.bytes.length) return;
    const grown = new Uint8Array(new ArrayBuffer(capacity));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  filled(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }
}

const encoder = new TextEncoder();

/**
 * The header line.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(new TextDecoder().decode(csvHeader(["a", 'b "c"'])), 'a,"b ""c"""\r\n');
 * ```
 */
export function csvHeader(names: readonly string[]): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${names.map(csvField).join(",")}\r\n`);
}

/** One field, quoted if needed; empty text is quoted, because an unquoted empty field is NULL. */
export function csvField(text: string): string {
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
