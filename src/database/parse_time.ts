/** Times as databases write them in text. */

const pattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?(?::?\d{2})?)?$/i;

const minuteMs = 60_000;

/** A time read from text. */
export interface ParsedTime {
  /** Without offset: ms since 1970-01-01T00:00 on the same wall clock; with: ms since the epoch. */
  readonly ms: number;
  readonly hasOffset: boolean;
}

/**
 * Reads `2024-03-31 02:30:00.123`, with `T` or a space, with or without seconds, fraction and offset; a date alone is its
 * midnight. `undefined` for anything else, and for a day or hour that does not exist.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(parseTime("1970-01-01 00:00:01.5+00")?.ms, 1500);
 * ```
 */
export function parseTime(text: string): ParsedTime | undefined {
  const match = pattern.exec(text.trim());
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const ms = wallClockMs({
    year: year ?? 0,
    month: month ?? 0,
    day: day ?? 0,
    hour: hour ?? 0,
    minute: minute ?? 0,
    second: second ?? 0,
  });
  if (Number.isNaN(ms)) return undefined;
  const fractionMs = match[7] ? Number(`0.${match[7]}`) * 1000 : 0;
  const offset = match[8];
  return { ms: ms + fractionMs - (offset ? offsetMs(offset) : 0), hasOffset: offset !== undefined };
}

/** Ms of a wall clock, as if it were UTC; NaN if there is no such day or time of day. */
export function wallClockMs(
  time: {
    readonly year: number;
    readonly month: number;
    readonly day: number;
    readonly hour: number;
    readonly minute: number;
    readonly second: number;
  },
): number {
  const { year, month, day, hour, minute, second } = time;
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return NaN;
  if (hour > 23 || minute > 59 || second > 59) return NaN;
  return daysSinceEpoch(year, { month, day }) * 86_400_000 + (hour * 60 + minute) * minuteMs + second * 1000;
}

/** A wall clock in ms as `YYYY-MM-DD hh:mm:ss[.mmm]`. */
export function formatWallClock(ms: number): string {
  const iso = new Date(ms).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, ms % 1000 === 0 ? 19 : 23)}`;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 in the Gregorian calendar; years are counted from March so that the leap day comes last. */
function daysSinceEpoch(year: number, { month, day }: { month: number; day: number }): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function offsetMs(offset: string): number {
  if (offset.toUpperCase() === "Z") return 0;
  const digits = offset.slice(1).replaceAll(":", "");
  const seconds = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2, 4) || 0) * 60 +
    Number(digits.slice(4, 6) || 0);
  return (offset.startsWith("-") ? -1 : 1) * seconds * 1000;
}
