// deno-lint-ignore-file no-non-null-assertion -- indexes of the inner loops are within what their callers allocated
/**
 * Writes numbers and timestamps as text to memory, at offset `o`, and returns where they end. The caller ensures enough
 * room, with {@linkcode spareBytes} to spare.
 */

/**
 * How far beyond the end may be written, in bytes: several bytes are written at once, including zeros that are then
 * dropped.
 */
export const spareBytes = 8;

const zero = 0x30;
const minus = 0x2d;
const point = 0x2e;
const colon = 0x3a;
const space = 0x20;
const billion = 1_000_000_000;
const million = 1_000_000;
const twoTo32 = 4_294_967_296;
/** Above this, a high word does not fit into a double's 53 bits. */
const highExactMax = 0x1f_ffff;
/** `00` to `99`, each as the number whose two bytes in memory are these digits. */
const pairs = Uint16Array.from({ length: 100 }, (_, of) => zero + ((of / 10) | 0) + ((zero + of % 10) << 8));

/** A 64-bit integer from its two halves, both signed. */
export function writeInteger64(out: DataView, o: number, low: number, high: number): number {
  if (high === 0 && low >= 0) return writeInt(out, o, low);
  if (high > highExactMax || high < -highExactMax) {
    return writeAscii(out, o, String(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0))));
  }
  const value = high * twoTo32 + (low >>> 0);
  if (value >= 0) return writeUnsigned(out, o, value);
  out.setUint8(o, minus);
  return writeUnsigned(out, o + 1, -value);
}

/** An integer from 0 to 2^53. */
export function writeUnsigned(out: DataView, o: number, value: number): number {
  if (value < billion) return writeInt(out, o, value | 0);
  const upper = Math.floor(value / billion);
  o = writeUnsigned(out, o, upper);
  return writePadded(out, o, (value - upper * billion) | 0, 9);
}

/** An integer from 0 to 2^31 - 1. */
function writeInt(out: DataView, o: number, value: number): number {
  if (value < 10) {
    out.setUint8(o, zero + value);
    return o + 1;
  }
  return writePadded(out, o, value, digitsOf(value));
}

function digitsOf(value: number): number {
  if (value < 100_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : value < 10_000 ? 4 : 5;
  if (value < 100_000_000) return value < 10_000_000 ? (value < million ? 6 : 7) : 8;
  return value < billion ? 9 : 10;
}

/** `value` below 2^31 in exactly `digits` digits. */
function writePadded(out: DataView, o: number, value: number, digits: number): number {
  let rest = value;
  let i = o + digits - 2;
  for (; i >= o; i -= 2) {
    const hundredth = (rest / 100) | 0;
    out.setUint16(i, pairs[rest - hundredth * 100]!, true);
    rest = hundredth;
  }
  if (i === o - 1) out.setUint8(o, zero + rest);
  return o + digits;
}

const decimalsMax = 6;
/** Below this a value's millionths have at most 15 digits, which every double can represent distinctly. */
const millionthsOfMax = billion;

/** The shortest decimal that reads back as this double. */
export function writeDouble(out: DataView, o: number, value: number): number {
  const magnitude = value < 0 ? -value : value;
  if (magnitude > 0 && magnitude < millionthsOfMax) {
    const scaled = Math.floor(magnitude * million + 0.5);
    // The quotient of two exact integers is rounded once, just like reading the decimal: if equal, it reads back.
    if (scaled / million === magnitude) {
      if (value < 0) out.setUint8(o++, minus);
      const whole = magnitude | 0;
      return writeDecimal(out, o, whole, (scaled - whole * million) | 0);
    }
  }
  return writeAscii(out, o, formatDouble(value));
}

/** `whole` and `millionths` after the decimal point, without trailing zeros. */
function writeDecimal(out: DataView, o: number, whole: number, millionths: number): number {
  o = writeInt(out, o, whole);
  if (millionths === 0) return o;
  let fraction = millionths;
  let decimals = decimalsMax;
  if (fraction % 1000 === 0) {
    fraction = (fraction / 1000) | 0;
    decimals -= 3;
  }
  while (fraction % 10 === 0) {
    fraction = (fraction / 10) | 0;
    decimals--;
  }
  out.setUint8(o, point);
  return writePadded(out, o + 1, fraction, decimals);
}

/** Like `writeDouble`, as a string. Keeps the sign of zero. */
export function formatDouble(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** From here on, fewer digits than those before the decimal point may be enough. */
const realWholeMax = 2 ** 24;

/** The shortest decimal that reads back as this 32-bit float. */
export function writeReal(out: DataView, o: number, value: number): number {
  const magnitude = value < 0 ? -value : value;
  if (magnitude > 0 && magnitude < realWholeMax) {
    for (let decimals = 0, scale = 1; decimals <= decimalsMax; decimals++, scale *= 10) {
      // The product is exact: 24 bits by 20.
      const shorter = Math.floor(magnitude * scale + 0.5) / scale;
      if (Math.fround(shorter) === magnitude) return writeDouble(out, o, value < 0 ? -shorter : shorter);
    }
  }
  return writeAscii(out, o, formatReal(value));
}

/** Like `writeReal`, as a string. */
export function formatReal(value: number): string {
  if (!Number.isFinite(value) || Object.is(value, -0)) return formatDouble(value);
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return String(shorter);
  }
  return String(Number(value.toPrecision(9)));
}

/** `SQL_TIMESTAMP_STRUCT`: six 16-bit numbers at `at` in `units`, then the fraction in ns. */
export function writeTimestamp(out: DataView, o: number, units: Uint16Array, at: number, fractionNs: number): number {
  const year = (units[at]! << 16) >> 16;
  if (year < 0 || year > 9999) {
    if (year < 0) out.setUint8(o++, minus);
    o = writePadded(out, o, Math.abs(year), year > 9999 ? 5 : 4);
  } else {
    const century = (year / 100) | 0;
    out.setInt32(o, pairs[century]! | (pairs[year - century * 100]! << 16), true);
    o += 4;
  }
  const hour = pairs[units[at + 3]!]!;
  // Four bytes each: "-MM-", "DD h", "h:mm", ":ss.".
  out.setInt32(o, minus | (pairs[units[at + 1]!]! << 8) | (minus << 24), true);
  out.setInt32(o + 4, pairs[units[at + 2]!]! | (space << 16) | (hour << 24), true);
  out.setInt32(o + 8, (hour >> 8) | (colon << 8) | (pairs[units[at + 4]!]! << 16), true);
  out.setInt32(o + 12, colon | (pairs[units[at + 5]!]! << 8) | (point << 24), true);
  o += 15;
  if (fractionNs === 0) return o;
  o = writePadded(out, o + 1, fractionNs, 9);
  while (out.getUint8(o - 1) === zero) o--;
  return o;
}

function writeAscii(out: DataView, o: number, text: string): number {
  for (let i = 0; i < text.length; i++) out.setUint8(o++, text.charCodeAt(i));
  return o;
}
