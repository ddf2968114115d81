// deno-lint-ignore-file no-non-null-assertion -- indexes of the inner loops are within what their callers allocated
/**
 * Copies a text four bytes at a time and finds out on the way what it contains. Most texts are short, ASCII and need no
 * quotes: for those nothing more is to be done.
 */

const ones = 0x01010101;
const highBits = 0x80808080 | 0;
const quotes = 0x22222222;
const commas = 0x2c2c2c2c;
const spaces = 0x20202020;
/** Stands for the bytes of the last word that are not the text's: a letter needs nothing. */
const letters = 0x61616161;

/** What {@linkcode copyWords} found. */
export const found = {
  nothing: 0,
  /** A quote, a comma or a control character, maybe a line's end. */
  special: 1,
  nonAscii: 2,
} as const;

/**
 * Copies `count` bytes from the word `from` of `words` to `at` in `out`, and up to three bytes more that mean nothing. Returns
 * the sum of what was {@linkcode found}.
 */
export function copyWords(out: DataView, at: number, words: Int32Array, from: number, count: number): number {
  const whole = from + (count >> 2);
  let special = 0;
  let high = 0;
  let o = at;
  let i = from;
  for (; i < whole; i++) {
    const word = words[i]!;
    out.setInt32(o, word, true);
    o += 4;
    high |= word;
    special |= specialOf(word);
  }
  const rest = count & 3;
  if (rest !== 0) {
    const mask = -1 << (rest << 3);
    const word = (words[i]! & ~mask) | (letters & mask);
    out.setInt32(o, word, true);
    high |= word;
    special |= specialOf(word);
  }
  return ((special & highBits) === 0 ? 0 : found.special) + ((high & highBits) === 0 ? 0 : found.nonAscii);
}

/** Its high bits are set where a byte is below a space, a quote or a comma (or follows one): x - 1 borrows at zero only. */
function specialOf(word: number): number {
  const quote = word ^ quotes;
  const comma = word ^ commas;
  return ((quote - ones) & ~quote) | ((comma - ones) & ~comma) | ((word - spaces) & ~word);
}

/** Four bytes of ASCII. */
export function isAsciiWord(word: number): boolean {
  return (word & highBits) === 0;
}
