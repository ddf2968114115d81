/** Logs jumps of the wall clock: times in the log, windows of queries and certificates depend on it. */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../runtime/clock.ts";

/** How often the wall clock is compared with the monotonic one, in ms. */
const compareEveryMs = 2_000;
/** Smaller jumps are not logged, in ms: time servers correct by seconds. */
const jumpMsMin = 60_000;

const log = getLogger(["cloud-link", "clock"]);

/** Compares until aborted. */
export async function watchClock(clock: Clock, signal: AbortSignal): Promise<void> {
  let offsetMs = clock.now() - clock.monotonicMs();
  while (!signal.aborted) {
    await clock.sleep(compareEveryMs, signal);
    const nowMs = clock.now() - clock.monotonicMs();
    const jumpMs = nowMs - offsetMs;
    offsetMs = nowMs;
    if (Math.abs(jumpMs) < jumpMsMin) continue;
    log.warn(
      jumpMs > 0
        ? "The clock jumped ahead by {jump}: it was set, or the computer slept."
        : "The clock was set back by {jump}. Database rows from that time are read again.",
      { jump: durationText(Math.abs(jumpMs)) },
    );
  }
}

/** A duration in its largest whole unit. */
function durationText(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 2 * 60) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 2 * 24 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
