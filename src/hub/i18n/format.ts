/** Numbers, sizes and times in the format of the user's language. */

/** Formats for one language; see {@linkcode createFormat}. */
export interface Format {
  /** A whole number: `12,345`. */
  number(value: number): string;
  /** A compact number: `1.2K`. */
  compact(value: number): string;
  /** A size in steps of 1000: `1.2 MB`. */
  bytes(value: number): string;
  /** A whole number of minutes or seconds, whichever reads better: `5 minutes`. */
  duration(seconds: number): string;
  /** A day, from `YYYY-MM-DD`: `4 Mar 2026`. */
  day(value: string): string;
  /** An instant in UTC, with its zone; the console's script turns it into the browser's time zone. */
  instant(value: Date): string;
}

const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** The options of {@linkcode Format.instant}: short enough for a table, and never ambiguous. */
const instantOptions: Intl.DateTimeFormatOptions = {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
};

/**
 * The formats of a language tag such as `nl-BE`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * assertEquals(createFormat("de").bytes(1_250_000), "1,3 MB");
 * ```
 */
export function createFormat(tag: string): Format {
  const whole = new Intl.NumberFormat(tag, { maximumFractionDigits: 0 });
  const instant = new Intl.DateTimeFormat(tag, { ...instantOptions, timeZone: "UTC", timeZoneName: "short" });
  const compact = new Intl.NumberFormat(tag, { notation: "compact", maximumFractionDigits: 1 });
  const day = new Intl.DateTimeFormat(tag, { year: "numeric", month: "short", day: "numeric", timeZone: "UTC" });
  return {
    compact: (value) => compact.format(value),
    day: (value) => day.format(new Date(`${value}T00:00:00Z`)),
    number: (value) => whole.format(value),
    instant: (value) => instant.format(value),
    bytes(value) {
      const power = value < 1000 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), units.length - 1);
      return inUnit(tag, value / 1000 ** power, {
        unit: units[power] ?? "byte",
        unitDisplay: power === 0 ? "long" : "short",
        maximumFractionDigits: power === 0 ? 0 : 1,
      });
    },
    duration(seconds) {
      const [amount, unit] = seconds < 90
        ? [Math.max(1, Math.ceil(seconds)), "second"]
        : [Math.ceil(seconds / 60), "minute"];
      return inUnit(tag, amount, { unit, unitDisplay: "long", maximumFractionDigits: 0 });
    },
  };
}

function inUnit(tag: string, value: number, options: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(tag, { style: "unit", ...options }).format(value);
}
