// deno-lint-ignore-file no-non-null-assertion -- indexes of the inner loops are within what their callers allocated
/**
 * Texts and bytes as CSV fields, from memory to memory. Each function writes at `o` and returns where it ended; the
 * caller ensures enough room. (They take more than two arguments because they are called for every cell, where an
 * options object would be measurable.)
 */
import type { CsvBuffer } from "../database/csv_buffer.ts";
import { copyWords, found, isAsciiWord } from "./copy_words.ts";

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

/** Starts over with quotes when a character needs them: looking for one first costs more than what is thrown away. */
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
function writeEmpty(out: Uint8Array, o: number): number {
  out[o++] = quote;
  out[o++] = quote;
  return o;
}

/** ASCII without characters that need quotes, in lower case. */
export function writeLowerCase(out: Uint8Array, o: number, bytes: Uint8Array, at: number, count: number): number {
  for (let i = at; i < at + count; i++) {
    const byte = bytes[i]!;
    out[o++] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
  }
  return o;
}

/** Bytes in memory, with a view as 32-bit words. */
export interface TextMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly signed: Int32Array<ArrayBuffer>;
}

/** ASCII or valid UTF-8 as it is, quoted if needed. `at` is a multiple of four. */
export function writeBytes(csv: CsvBuffer, o: number, memory: TextMemory, at: number, count: number): number {
  const contents = copyWords(csv.view, o, memory.signed, at >> 2, count);
  if ((contents & found.special) === 0 && count !== 0) return o + count;
  return copySpecial(csv.bytes, o, memory.bytes, at, at + count);
}

/**
 * The same for a text with something that may need quotes: anything below a space, or one of the special characters.
 */
function copySpecial(out: Uint8Array, start: number, bytes: Uint8Array, at: number, end: number): number {
  if (at === end) return writeEmpty(out, start);
  let needed = 0;
  let o = start;
  out[o++] = quote;
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    out[o++] = byte;
    needed |= inQuotes[byte]!;
    if (byte === quote) out[o++] = quote;
  }
  if (needed !== 0) {
    out[o++] = quote;
    return o;
  }
  out.copyWithin(start, start + 1, o);
  return o - 1;
}

const inQuotes = Uint8Array.from({ length: 256 }, (_, byte) => needsQuotes(byte) ? 1 : 0);

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** UTF-8: invalid bytes become U+FFFD, and the value is counted. `at` is a multiple of four. */
export function writeUtf8(csv: CsvBuffer, o: number, memory: TextMemory, at: number, count: number): number {
  const contents = copyWords(csv.view, o, memory.signed, at >> 2, count);
  if (contents === found.nothing && count !== 0) return o + count;
  const end = at + count;
  if ((contents & found.nonAscii) !== 0 && !isUtf8(memory, at, end)) {
    csv.replacedCharacters++;
    const text = encoder.encode(decoder.decode(memory.bytes.subarray(at, end)));
    return copySpecial(csv.bytes, o, text, 0, text.length);
  }
  if ((contents & found.special) === 0 && count !== 0) return o + count;
  return copySpecial(csv.bytes, o, memory.bytes, at, end);
}

function isUtf8({ bytes, signed }: TextMemory, at: number, end: number): boolean {
  for (let i = at; i < end;) {
    if ((i & 3) === 0 && i + 4 <= end && isAsciiWord(signed[i >> 2]!)) {
      i += 4;
    } else if (bytes[i]! < 0x80) {
      i++;
    } else {
      const length = sequenceLength(bytes, i, end);
      if (length === 0) return false;
      i += length;
    }
  }
  return true;
}

/** Length of the UTF-8 sequence starting at `i` (RFC 3629, section 4); 0 if it is invalid. */
function sequenceLength(bytes: Uint8Array, i: number, end: number): number {
  const first = bytes[i]!;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (i + length > end) return 0;
  const second = bytes[i + 1]!;
  // No surrogates, nothing above U+10FFFF, no overlong forms.
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
