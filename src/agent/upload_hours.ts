/**
 * The time of day at which data is sent, for sites with a thin line: outside it, CSV files and history wait in the
 * spool. Live rows of a database go at any time: the current day is planned with them, and they are few.
 */
import { getLogger } from "@logtape/logtape";
import type { BatchDeclaration } from "../protocol/delivery.ts";
import type { Clock } from "../runtime/clock.ts";
import { type DailyWindow, openFromMs, shownDailyWindow } from "../runtime/daily_window.ts";

const log = getLogger(["cloud-link", "uploader"]);

/** The wall clock may be set, or jump, so it is read again after at most this long, in ms. */
const lookEveryMs = 60_000;

/** The window has closed: a batch under way stops before its next part, and continues when the window opens. */
export class UploadHoursOverError extends Error {
  override readonly name = "UploadHoursOverError";
}

/** The window, or none. */
export interface UploadHoursOptions {
  readonly window?: DailyWindow | undefined;
  readonly clock: Clock;
  /** IANA name of the zone of this machine's clock. */
  readonly timeZone: () => string;
}

/** Decides which batches have to wait, and logs when the waiting begins and ends. */
export class UploadHours {
  readonly #options: UploadHoursOptions;
  #told = false;

  constructor(options: UploadHoursOptions) {
    this.#options = options;
  }

  /** Whether everything may go now. */
  get areOpen(): boolean {
    return this.#opensAtMs === undefined;
  }

  /** Whether the batch may not go now. */
  holdBack({ lane, origin }: Pick<BatchDeclaration, "lane" | "origin">): boolean {
    return (lane === "history" || origin.kind === "csv") && !this.areOpen;
  }

  /** How long until it is worth checking again, in ms; `Infinity` when nothing waits for the window. */
  get waitMs(): number {
    const opensAtMs = this.#opensAtMs;
    if (!this.#told) return Infinity;
    return opensAtMs === undefined ? 0 : Math.min(lookEveryMs, opensAtMs - this.#options.clock.now());
  }

  /** Why something is waiting, one line; `null` when nothing waits for the window. */
  get notice(): string | null {
    const { window } = this.#options;
    const opensAtMs = this.#opensAtMs;
    if (!this.#told || window === undefined || opensAtMs === undefined) return null;
    return `CSV files and history wait for the time window ${shownDailyWindow(window)} ([upload] window), ` +
      `until ${this.#local(opensAtMs)}; live rows of databases are sent at any time.`;
  }

  /** Logs once that something waits for the window, and once that it continues. */
  tell(waits: { readonly heldBack: boolean; readonly batches: number }): void {
    if (this.#told && this.#opensAtMs === undefined) {
      this.#told = false;
      log.info("The time window for uploads has begun: {batches} batches are being sent now.", {
        batches: waits.batches,
      });
    }
    if (!waits.heldBack || this.#told) return;
    this.#told = true;
    log.info("{notice} {batches} batches are waiting.", { notice: this.notice, batches: waits.batches });
  }

  get #opensAtMs(): number | undefined {
    const { window, clock, timeZone } = this.#options;
    if (window === undefined) return undefined;
    const nowMs = clock.now();
    const opensAtMs = openFromMs(window, { nowMs, timeZone: timeZone() });
    return opensAtMs > nowMs ? opensAtMs : undefined;
  }

  #local(ms: number): string {
    return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(this.#options.timeZone())
      .toPlainDateTime().toString({ smallestUnit: "minute" }).replace("T", " ");
  }
}
