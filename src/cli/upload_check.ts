/** The part of `check` that shows what `[upload]` holds back. */
import type { Config } from "../config/config.ts";
import type { CheckLine } from "../control/check_line.ts";
import type { Clock } from "../runtime/clock.ts";
import { openFromMs, shownDailyWindow } from "../runtime/daily_window.ts";

/** One line if `[upload]` limits anything, none otherwise. */
export function checkUploads(
  { bytesPerSecondMax, window }: Config["upload"],
  options: { clock: Pick<Clock, "now">; timeZone: string },
): readonly CheckLine[] {
  const limits = [
    ...(bytesPerSecondMax === undefined ? [] : [`at most ${bytesPerSecondMax} bytes a second`]),
    ...(window === undefined ? [] : [shownWindow(window, options)]),
  ];
  return limits.length === 0 ? [] : [{ name: "Uploads", result: "ok", detail: limits.join("; ") }];
}

function shownWindow(
  window: NonNullable<Config["upload"]["window"]>,
  { clock, timeZone }: { clock: Pick<Clock, "now">; timeZone: string },
): string {
  const nowMs = clock.now();
  const opensAtMs = openFromMs(window, { nowMs, timeZone });
  const opens = Temporal.Instant.fromEpochMilliseconds(opensAtMs).toZonedDateTimeISO(timeZone).toPlainDateTime()
    .toString({ smallestUnit: "minute" }).replace("T", " ");
  const state = opensAtMs === nowMs ? "they are being sent now" : `they wait until ${opens}`;
  return `CSV files and history at ${shownDailyWindow(window)} only (${timeZone}): ${state}`;
}
