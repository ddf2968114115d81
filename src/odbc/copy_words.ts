// deno-lint-ignore-file no-non-null-assertion -- indexes of the inner loops are within what their callers allocated
/**
 * Copies a text four bytes at a time and classifies its content on the way. Most texts are short, ASCII and need no
 * quotes: for those nothing more has to be done.
 */

const ones = 0x01010101;
const highBits = 0x80808080 | 0;
const quotes = 0x22222222;
const commas = 0x2c2c2c2c;
const spaces = 0x20202020;
/** Fills the last word's bytes beyond the text: letters need no quotes. */
const letters = 0x61616161;

/** What {@linkcode copyWords} found. */
export const found = {
  nothing: 0,
  /** A quote, a comma or a control character, possibly a line break. */
  special: 1,
  nonAscii: 2,
} as const;

/**
 * Copies `count` bytes from the word `from` of `words` to `at` in `out`, and up to three further meaningless bytes.
 * Returns the sum of the {@linkcode found} flags.
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

/**
 * Sets the high bit of each byte that is below a space, a quote or a comma (or follows one): x - 1 borrows only at
 * zero.
 */
function specialOf(word: number): number {
  const quote = word ^ quotes;
  const comma = word ^ commas;
  return ((quote - ones) & ~quote) | ((comma - ones) & ~comma) | ((word - spaces) & ~word);
}

/** Whether all four bytes are ASCII. */
export function isAsciiWord(word: number): boolean {
  return (word & highBits) === 0;
}
