// deno-lint-ignore-file no-non-null-assertion -- indexes of the inner loops are within what their callers allocated
/** Numbers and timestamps as text, into memory: written at `o`, returning where it ended; the caller has made sure of the room. */

const zero = 0x30;
const minus = 0x2d;
const point = 0x2e;
const colon = 0x3a;
const space = 0x20;
const billion = 1_000_000_000;
const twoTo32 = 4_294_967_296;
/** Beyond this a high word does not fit into a double's 53 bits. */
const highExactMax = 0x1f_ffff;

/** A signed 64-bit integer by its two halves. */
export function writeInteger64(out: Uint8Array, o: number, low: number, high: number): number {
  if (high === 0) return writeUnsigned(out, o, low);
  if (high > highExactMax || high < -highExactMax) {
    return writeAscii(out, o, String(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))));
  }
  const value = high * twoTo32 + low;
  if (value >= 0) return writeUnsigned(out, o, value);
  out[o++] = minus;
  return writeUnsigned(out, o, -value);
}

/** An integer from 0 to 2^53. */
export function writeUnsigned(out: Uint8Array, o: number, value: number): number {
  if (value < 10) {
    out[o] = zero + value;
    return o + 1;
  }
  if (value >= billion) {
    const upper = Math.floor(value / billion);
    o = writeUnsigned(out, o, upper);
    return writePadded(out, o, value - upper * billion, 9);
  }
  return writePadded(out, o, value, digitsOf(value));
}

function digitsOf(value: number): number {
  if (value < 100_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : value < 10_000 ? 4 : 5;
  return value < 10_000_000 ? (value < 1_000_000 ? 6 : 7) : value < 100_000_000 ? 8 : 9;
}

/** `value` below 10^9 in exactly `digits` digits. */
function writePadded(out: Uint8Array, o: number, value: number, digits: number): number {
  let rest = value | 0;
  for (let i = o + digits - 1; i >= o; i--) {
    const tenth = (rest / 10) | 0;
    out[i] = zero + rest - tenth * 10;
    rest = tenth;
  }
  return o + digits;
}

const decimalsMax = 6;
/** Up to here `value * 10^decimals` has at most 15 digits, which every double tells apart. */
const scaledMax = 1e15;

/** The shortest decimal that reads back as this double. */
export function writeDouble(out: Uint8Array, o: number, value: number): number {
  let scale = 1;
  const magnitude = value < 0 ? -value : value;
  if (value !== 0 || Object.is(value, 0)) {
    for (let decimals = 0; decimals <= decimalsMax; decimals++, scale *= 10) {
      const scaled = Math.round(magnitude * scale);
      if (!(scaled < scaledMax)) break;
      // The quotient of two exact integers is rounded once, as reading the decimal would be: equal means it reads back.
      if (scaled / scale !== magnitude) continue;
      if (value < 0) out[o++] = minus;
      return writeScaled(out, o, { scaled, scale, decimals });
    }
  }
  return writeAscii(out, o, formatDouble(value));
}

/** A number with `decimals` digits after the point, as the integer `scaled`. */
function writeScaled(out: Uint8Array, o: number, options: { scaled: number; scale: number; decimals: number }): number {
  const { scaled, scale, decimals } = options;
  const whole = Math.floor(scaled / scale);
  o = writeUnsigned(out, o, whole);
  if (decimals === 0) return o;
  out[o++] = point;
  return writePadded(out, o, scaled - whole * scale, decimals);
}

/** As `writeDouble`, as a string. Keeps the sign of zero. */
export function formatDouble(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** The shortest decimal that reads back as this 32-bit float. */
export function writeReal(out: Uint8Array, o: number, value: number): number {
  return writeAscii(out, o, formatReal(value));
}

/** As `writeReal`, as a string. */
export function formatReal(value: number): string {
  if (!Number.isFinite(value) || Object.is(value, -0)) return formatDouble(value);
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return String(shorter);
  }
  return String(Number(value.toPrecision(9)));
}

/** `SQL_TIMESTAMP_STRUCT`: six 16-bit numbers at `at` in `units`, and the fraction in ns. */
export function writeTimestamp(out: Uint8Array, o: number, units: Uint16Array, at: number, fractionNs: number): number {
  const year = (units[at]! << 16) >> 16;
  if (year < 0 || year > 9999) {
    if (year < 0) out[o++] = minus;
    o = writePadded(out, o, Math.abs(year), year > 9999 ? 5 : 4);
  } else {
    o = writeTwo(out, o, (year / 100) | 0);
    o = writeTwo(out, o, year % 100);
  }
  out[o++] = minus;
  o = writeTwo(out, o, units[at + 1]!);
  out[o++] = minus;
  o = writeTwo(out, o, units[at + 2]!);
  out[o++] = space;
  o = writeTwo(out, o, units[at + 3]!);
  out[o++] = colon;
  o = writeTwo(out, o, units[at + 4]!);
  out[o++] = colon;
  o = writeTwo(out, o, units[at + 5]!);
  if (fractionNs === 0) return o;
  out[o++] = point;
  o = writePadded(out, o, fractionNs, 9);
  while (out[o - 1] === zero) o--;
  return o;
}

function writeTwo(out: Uint8Array, o: number, value: number): number {
  const tens = (value / 10) | 0;
  out[o] = zero + tens;
  out[o + 1] = zero + value - tens * 10;
  return o + 2;
}

function writeAscii(out: Uint8Array, o: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[o++] = text.charCodeAt(i);
  return o;
}
