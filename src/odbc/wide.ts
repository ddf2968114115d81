/** Strings in the form the entry points use: null-terminated, in UTF-16 (wide) or in UTF-8 (narrow). */

const decoder = new TextDecoder("utf-16le");

/** `text` in UTF-16 with a null terminator, in memory that does not move. */
export function toWide(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new ArrayBuffer((text.length + 1) * 2);
  const units = new Uint16Array(bytes);
  for (let i = 0; i < text.length; i++) units[i] = text.charCodeAt(i);
  return new Uint8Array(bytes);
}

/** The first `units` UTF-16 units of `bytes`. */
export function fromWide(bytes: Uint8Array<ArrayBuffer>, units: number): string {
  return decoder.decode(bytes.subarray(0, Math.max(0, units) * 2));
}

/** A buffer for an answer: a string of up to `units` UTF-16 units and its length. */
export class WideBuffer {
  readonly units: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly length: Uint8Array<ArrayBuffer>;

  constructor(units: number) {
    this.units = units;
    this.bytes = new Uint8Array(new ArrayBuffer(units * 2));
    this.length = new Uint8Array(new ArrayBuffer(8));
  }

  /** What was written, up to the null terminator, since drivers disagree whether lengths are in bytes or in units. */
  get text(): string {
    const units = new Uint16Array(this.bytes.buffer);
    const end = units.indexOf(0);
    return fromWide(this.bytes, end < 0 ? units.length : end);
  }

  /** A list: each string ends with a null, the last one with two. */
  get texts(): readonly string[] {
    const all = fromWide(this.bytes, this.units);
    const end = all.indexOf("\0\0");
    return (end < 0 ? all : all.slice(0, end)).split("\0");
  }
}

/** `text` in UTF-8 with a null terminator. */
export function toNarrow(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** A UTF-8 string up to its null terminator. */
export function fromNarrow(bytes: Uint8Array<ArrayBuffer>): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
