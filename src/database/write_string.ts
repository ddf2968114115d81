/** Writes a JavaScript string as a CSV field to memory; see write_number.ts for the conventions. */
import type { CsvBuffer } from "./csv_buffer.ts";

const quote = 0x22;
const comma = 0x2c;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const replacement = 0xfffd;

/**
 * In UTF-8, quoted if needed; empty text is quoted, because an unquoted empty field is NULL. A lone surrogate becomes
 * U+FFFD; every U+FFFD is counted.
 */
export function writeString(csv: CsvBuffer, o: number, text: string): number {
  if (text === "") {
    csv.bytes[o++] = quote;
    csv.bytes[o++] = quote;
    return o;
  }
  return copyString(csv, o, text, false);
}

/** Unit by unit: most values are short, and calling the encoder costs more than they do. */
function copyString(csv: CsvBuffer, start: number, text: string, quoted: boolean): number {
  const out = csv.bytes;
  const replaced = csv.replacedCharacters;
  let o = start;
  if (quoted) out[o++] = quote;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > comma && unit < 0x80) {
      out[o++] = unit;
    } else if (unit < 0x80) {
      if (unit === comma || unit === quote || unit === carriageReturn || unit === lineFeed) {
        // Starts over: looking for such a character first costs more than what is thrown away.
        if (!quoted) {
          csv.replacedCharacters = replaced;
          return copyString(csv, start, text, true);
        }
        if (unit === quote) out[o++] = quote;
      }
      out[o++] = unit;
    } else if (unit < 0x800) {
      out[o++] = 0xc0 | (unit >> 6);
      out[o++] = 0x80 | (unit & 0x3f);
    } else {
      const point = text.codePointAt(i) ?? 0;
      if (point > 0xffff) i++;
      o = writeLong(csv, o, point);
    }
  }
  if (quoted) out[o++] = quote;
  return o;
}

/** Three or four bytes. */
function writeLong(csv: CsvBuffer, o: number, point: number): number {
  const out = csv.bytes;
  if (point > 0xffff) {
    out[o++] = 0xf0 | (point >> 18);
    out[o++] = 0x80 | ((point >> 12) & 0x3f);
  } else {
    if (point >= 0xd800 && point < 0xe000) point = replacement;
    if (point === replacement) csv.replacedCharacters++;
    out[o++] = 0xe0 | (point >> 12);
  }
  out[o++] = 0x80 | ((point >> 6) & 0x3f);
  out[o++] = 0x80 | (point & 0x3f);
  return o;
}
