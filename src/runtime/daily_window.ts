/** A time of every day, such as 20:00-06:00, on the clock on the wall. Pure. */

const minutesPerHour = 60;

/** A window that ends before it begins lasts over midnight. */
export interface DailyWindow {
  /** Begin, inclusive, in minutes since midnight. */
  readonly fromMinute: number;
  /** End, exclusive, in minutes since midnight. */
  readonly toMinute: number;
}

/**
 * Parses `HH:MM-HH:MM`; `24:00` may be the end. `undefined` for anything else, and for a window without any length.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(parseDailyWindow("20:00-06:30"), { fromMinute: 1200, toMinute: 390 });
 * assertEquals(parseDailyWindow("20:00-20:00"), undefined);
 * ```
 */
export function parseDailyWindow(text: string): DailyWindow | undefined {
  const [, fromHour, fromMinutes, toHour, toMinutes] = /^(\d{1,2}):(\d\d) ?[-–] ?(\d{1,2}):(\d\d)$/.exec(text.trim()) ??
    [];
  const fromMinute = minuteOf(fromHour, fromMinutes);
  const toMinute = minuteOf(toHour, toMinutes);
  const dayMinutes = 24 * minutesPerHour;
  if (fromMinute === undefined || toMinute === undefined || fromMinute === dayMinutes) return undefined;
  return fromMinute === toMinute % dayMinutes && toMinute !== dayMinutes ? undefined : { fromMinute, toMinute };
}

/** The window as it is written. */
export function shownDailyWindow({ fromMinute, toMinute }: DailyWindow): string {
  return `${shownMinute(fromMinute)}-${shownMinute(toMinute)}`;
}

/**
 * When the window is open next: now, where it is open. On a day whose clock jumps over the begin it opens after the
 * jump.
 *
 * @param options.timeZone IANA name of the zone whose clock counts.
 */
export function openFromMs(window: DailyWindow, options: { nowMs: number; timeZone: string }): number {
  const { nowMs, timeZone } = options;
  const now = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(timeZone);
  if (isOpenAt(window, now.hour * minutesPerHour + now.minute)) return nowMs;
  const time = Temporal.PlainTime.from(shownMinute(window.fromMinute));
  const today = now.toPlainDate().toZonedDateTime({ timeZone, plainTime: time });
  const begin = today.epochMilliseconds > nowMs
    ? today
    : now.toPlainDate().add({ days: 1 }).toZonedDateTime({ timeZone, plainTime: time });
  return begin.epochMilliseconds;
}

function isOpenAt({ fromMinute, toMinute }: DailyWindow, minute: number): boolean {
  return fromMinute < toMinute ? minute >= fromMinute && minute < toMinute : minute >= fromMinute || minute < toMinute;
}

function minuteOf(hour: string | undefined, minute: string | undefined): number | undefined {
  const minutes = Number(hour) * minutesPerHour + Number(minute);
  return Number(minute) < minutesPerHour && minutes <= 24 * minutesPerHour ? minutes : undefined;
}

function shownMinute(minutes: number): string {
  const two = (number: number) => String(number).padStart(2, "0");
  return `${two(Math.floor(minutes / minutesPerHour))}:${two(minutes % minutesPerHour)}`;
}
