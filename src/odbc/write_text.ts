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
  if (count === 0) return writeEmpty(out, o);
  return copyWide(out, o, units, at, at + count, csv, false);
}

/** Begins again in quotes when a character needs them: looking for one first costs more than what is then thrown away. */
function copyWide(
  out: Uint8Array,
  start: number,
  units: Uint16Array,
  at: number,
  end: number,
  csv: CsvBuffer,
  quoted: boolean,
): number {
  const replaced = csv.replacedCharacters;
  let o = start;
  if (quoted) out[o++] = quote;
  for (let i = at; i < end; i++) {
    const unit = units[i]!;
    if (unit > comma && unit < 0x80) {
      out[o++] = unit;
    } else if (unit < 0x80) {
      if (needsQuotes(unit)) {
        if (!quoted) {
          csv.replacedCharacters = replaced;
          return copyWide(out, start, units, at, end, csv, true);
        }
        if (unit === quote) out[o++] = quote;
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
  if (quoted) out[o++] = quote;
  return o;
}

function needsQuotes(character: number): boolean {
  return character === comma || character === quote || character === carriageReturn || character === lineFeed;
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

/** ASCII or valid UTF-8 as it is, in quotes where needed. */
export function writeBytes(out: Uint8Array, o: number, bytes: Uint8Array, at: number, count: number): number {
  if (count === 0) return writeEmpty(out, o);
  return copyBytes(out, o, bytes, at, at + count, false);
}

function copyBytes(
  out: Uint8Array,
  start: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  quoted: boolean,
): number {
  let o = start;
  if (quoted) out[o++] = quote;
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    if (byte <= comma && needsQuotes(byte)) {
      if (!quoted) return copyBytes(out, start, bytes, at, end, true);
      if (byte === quote) out[o++] = quote;
    }
    out[o++] = byte;
  }
  if (quoted) out[o++] = quote;
  return o;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** UTF-8, looked at byte by byte: what is none becomes U+FFFD, and the value is counted. */
export function writeUtf8(
  out: Uint8Array,
  o: number,
  bytes: Uint8Array,
  at: number,
  count: number,
  csv: CsvBuffer,
): number {
  if (count === 0) return writeEmpty(out, o);
  const end = at + count;
  const valid = copyUtf8(out, o, bytes, at, end, false);
  if (valid >= 0) return valid;
  csv.replacedCharacters++;
  const text = encoder.encode(decoder.decode(bytes.subarray(at, end)));
  return copyBytes(out, o, text, 0, text.length, false);
}

/** As `copyBytes`; -1 when it is no UTF-8. */
function copyUtf8(
  out: Uint8Array,
  start: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  quoted: boolean,
): number {
  let o = start;
  if (quoted) out[o++] = quote;
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    if (byte > comma && byte < 0x80) {
      out[o++] = byte;
    } else if (byte < 0x80) {
      if (needsQuotes(byte)) {
        if (!quoted) return copyUtf8(out, start, bytes, at, end, true);
        if (byte === quote) out[o++] = quote;
      }
      out[o++] = byte;
    } else if (byte >= 0xc2 && byte < 0xe0 && i + 1 < end && (bytes[i + 1]! & 0xc0) === 0x80) {
      out[o++] = byte;
      out[o++] = bytes[++i]!;
    } else {
      const next = i + sequenceLength(bytes, i, end);
      if (next === i) return -1;
      while (i < next) out[o++] = bytes[i++]!;
      i--;
    }
  }
  if (quoted) out[o++] = quote;
  return o;
}

/** Length of the UTF-8 sequence that begins at `i` (RFC 3629, section 4); 0 when it is none. */
function sequenceLength(bytes: Uint8Array, i: number, end: number): number {
  const first = bytes[i]!;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (i + length > end) return 0;
  const second = bytes[i + 1]!;
  // No surrogates, nothing beyond U+10FFFF, and nothing that has a shorter form.
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let next = i + 2; next < i + length; next++) if ((bytes[next]! & 0xc0) !== 0x80) return 0;
  return length;
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
