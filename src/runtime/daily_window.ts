/** A daily period, such as 20:00-06:00, in wall-clock time. Pure. */

const minutesPerHour = 60;

/** A window that ends before it begins spans midnight. */
export interface DailyWindow {
  /** Begin, inclusive, in minutes since midnight. */
  readonly fromMinute: number;
  /** End, exclusive, in minutes since midnight. */
  readonly toMinute: number;
}

/**
 * Parses `HH:MM-HH:MM`; the end may be `24:00`. `undefined` for anything else, and for an empty window.
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

/** The window in the notation of the configuration. */
export function shownDailyWindow({ fromMinute, toMinute }: DailyWindow): string {
  return `${shownMinute(fromMinute)}-${shownMinute(toMinute)}`;
}

/**
 * When the window is next open; now, if it is. A jump of the clock may enter it midway, open it twice, or skip it on
 * that day.
 *
 * @param options.timeZone IANA name of the zone whose clock counts.
 */
export function openFromMs(window: DailyWindow, options: { nowMs: number; timeZone: string }): number {
  const { nowMs, timeZone } = options;
  const now = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(timeZone);
  if (isOpenAt(window, minuteOfDay(now))) return nowMs;
  // No clock jumps over the whole window every day.
  for (let day = now.toPlainDate();; day = day.add({ days: 1 })) {
    const opens = beginsOn(day, { window, timeZone }).filter((begin) =>
      begin.epochMilliseconds > nowMs && isOpenAt(window, minuteOfDay(begin))
    );
    if (opens.length > 0) return Math.min(...opens.map(({ epochMilliseconds }) => epochMilliseconds));
  }
}

/** When the window may begin on a day: at its own start, which may occur twice, and where the clock jumps. */
function beginsOn(
  day: Temporal.PlainDate,
  { window, timeZone }: { window: DailyWindow; timeZone: string },
): Temporal.ZonedDateTime[] {
  const local = day.toPlainDateTime(Temporal.PlainTime.from(shownMinute(window.fromMinute)));
  const begins = (["earlier", "later"] as const).map((disambiguation) =>
    local.toZonedDateTime(timeZone, { disambiguation })
  );
  const jump = day.toZonedDateTime(timeZone).subtract({ nanoseconds: 1 }).getTimeZoneTransition("next");
  return jump?.toPlainDate().equals(day) ? [...begins, jump] : begins;
}

function minuteOfDay({ hour, minute }: Temporal.ZonedDateTime): number {
  return hour * minutesPerHour + minute;
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
