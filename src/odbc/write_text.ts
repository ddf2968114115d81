// deno-lint-ignore-file no-non-null-assertion -- indexes of the inner loops are within what their callers allocated
/**
 * Texts and bytes as CSV fields, from memory to memory. Each function writes at `o` and returns where it ended; the caller
 * has made sure of the room. (More than two arguments: these are called for every cell, and an object each would be seen.)
 */
import type { CsvBuffer } from "../database/csv_buffer.ts";

const quote = 0x22;
const comma = 0x2c;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** UTF-16 as UTF-8. A lone surrogate becomes U+FFFD and is counted. */
export function writeWide(
  out: Uint8Array,
  o: number,
  units: Uint16Array,
  at: number,
  count: number,
  csv: CsvBuffer,
): number {
  const end = at + count;
  const start = o;
  const replaced = csv.replacedCharacters;
  if (count === 0) return writeEmpty(out, o);
  for (let i = at; i < end; i++) {
    const unit = units[i]!;
    if (unit > comma && unit < 0x80) {
      out[o++] = unit;
    } else if (unit < 0x80) {
      if (unit === comma || unit === quote || unit === carriageReturn || unit === lineFeed) {
        csv.replacedCharacters = replaced;
        return writeWideQuoted(out, start, units, at, end, csv);
      }
      out[o++] = unit;
    } else if (unit < 0x800) {
      out[o++] = 0xc0 | (unit >> 6);
      out[o++] = 0x80 | (unit & 0x3f);
    } else if (unit >= 0xd800 && unit < 0xe000) {
      const low = i + 1 < end ? units[i + 1]! : 0;
      if (unit < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
        o = writeSupplementary(out, o, unit, low);
        i++;
      } else {
        o = writeReplacement(out, o, csv);
      }
    } else {
      out[o++] = 0xe0 | (unit >> 12);
      out[o++] = 0x80 | ((unit >> 6) & 0x3f);
      out[o++] = 0x80 | (unit & 0x3f);
    }
  }
  return o;
}

function writeWideQuoted(
  out: Uint8Array,
  o: number,
  units: Uint16Array,
  at: number,
  end: number,
  csv: CsvBuffer,
): number {
  out[o++] = quote;
  for (let i = at; i < end; i++) {
    const unit = units[i]!;
    if (unit < 0x80) {
      if (unit === quote) out[o++] = quote;
      out[o++] = unit;
    } else if (unit < 0x800) {
      out[o++] = 0xc0 | (unit >> 6);
      out[o++] = 0x80 | (unit & 0x3f);
    } else if (unit >= 0xd800 && unit < 0xe000) {
      const low = i + 1 < end ? units[i + 1]! : 0;
      if (unit < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
        o = writeSupplementary(out, o, unit, low);
        i++;
      } else {
        o = writeReplacement(out, o, csv);
      }
    } else {
      out[o++] = 0xe0 | (unit >> 12);
      out[o++] = 0x80 | ((unit >> 6) & 0x3f);
      out[o++] = 0x80 | (unit & 0x3f);
    }
  }
  out[o++] = quote;
  return o;
}

function writeSupplementary(out: Uint8Array, o: number, high: number, low: number): number {
  const point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
  out[o++] = 0xf0 | (point >> 18);
  out[o++] = 0x80 | ((point >> 12) & 0x3f);
  out[o++] = 0x80 | ((point >> 6) & 0x3f);
  out[o++] = 0x80 | (point & 0x3f);
  return o;
}

function writeReplacement(out: Uint8Array, o: number, csv: CsvBuffer): number {
  csv.replacedCharacters++;
  out[o++] = 0xef;
  out[o++] = 0xbf;
  out[o++] = 0xbd;
  return o;
}

/** An empty text, which is not NULL. */
export function writeEmpty(out: Uint8Array, o: number): number {
  out[o++] = quote;
  out[o++] = quote;
  return o;
}

/** ASCII as it is, in quotes where needed. */
export function writeBytes(out: Uint8Array, o: number, bytes: Uint8Array, at: number, count: number): number {
  const end = at + count;
  const start = o;
  if (count === 0) return writeEmpty(out, o);
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    if (byte <= comma && (byte === comma || byte === quote || byte === carriageReturn || byte === lineFeed)) {
      return writeBytesQuoted(out, start, bytes, at, end);
    }
    out[o++] = byte;
  }
  return o;
}

function writeBytesQuoted(out: Uint8Array, o: number, bytes: Uint8Array, at: number, end: number): number {
  out[o++] = quote;
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === quote) out[o++] = quote;
    out[o++] = byte;
  }
  out[o++] = quote;
  return o;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** UTF-8, of which only ASCII is taken unseen: the rest could be no UTF-8 at all. */
export function writeUtf8(
  out: Uint8Array,
  o: number,
  bytes: Uint8Array,
  at: number,
  count: number,
  csv: CsvBuffer,
): number {
  for (let i = at; i < at + count; i++) {
    if (bytes[i]! < 0x80) continue;
    const text = decoder.decode(bytes.subarray(at, at + count));
    const valid = encoder.encode(text);
    if (valid.length !== count || !sameBytes(valid, bytes, at)) csv.replacedCharacters++;
    return writeBytes(out, o, valid, 0, valid.length);
  }
  return writeBytes(out, o, bytes, at, count);
}

function sameBytes(a: Uint8Array, b: Uint8Array, at: number): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[at + i]) return false;
  return true;
}

const base64Digits = encoder.encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const padding = 0x3d;

/** Base64 (RFC 4648, section 4). */
export function writeBase64(out: Uint8Array, o: number, bytes: Uint8Array, at: number, count: number): number {
  if (count === 0) return writeEmpty(out, o);
  const end = at + count;
  let i = at;
  for (; i + 2 < end; i += 3) {
    const three = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    out[o++] = base64Digits[three >> 18]!;
    out[o++] = base64Digits[(three >> 12) & 63]!;
    out[o++] = base64Digits[(three >> 6) & 63]!;
    out[o++] = base64Digits[three & 63]!;
  }
  if (i < end) {
    const second = i + 1 < end ? bytes[i + 1]! : 0;
    const three = (bytes[i]! << 16) | (second << 8);
    out[o++] = base64Digits[three >> 18]!;
    out[o++] = base64Digits[(three >> 12) & 63]!;
    out[o++] = i + 1 < end ? base64Digits[(three >> 6) & 63]! : padding;
    out[o++] = padding;
  }
  return o;
}
