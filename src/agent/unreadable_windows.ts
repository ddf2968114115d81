/**
 * Windows of history that cannot be read, however short: one row may make a query fail, or crash the driver. They hold up
 * no other window, and each hour one of them is tried again. Kept in memory: after a restart they are found again.
 */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../runtime/clock.ts";
import { type ReadState, type Window, type WindowSettings, without } from "../source/read_state.ts";
import { planHistory } from "../source/windows.ts";
import { mayBeTooMuch } from "./lane_attempts.ts";
import { windowText } from "./query_job.ts";
import { failureOf } from "./scheduler_ports.ts";

const log = getLogger(["cloud-link", "database"]);

/** How long to wait before one is tried again, in ms. */
const retryMs = 60 * 60_000;
/** With more than that, it is hardly their rows. */
const windowsMax = 1000;

interface UnreadableWindow {
  readonly window: Window;
  readonly reason: string;
}

/** The windows of one integration. */
export class UnreadableWindows {
  readonly #options: { readonly integration: string; readonly clock: Pick<Clock, "monotonicMs"> };
  /** The next one to be tried again first. */
  #windows: readonly UnreadableWindow[] = [];
  #retryAtMs = 0;

  constructor(options: { integration: string; clock: Pick<Clock, "monotonicMs"> }) {
    this.#options = options;
  }

  /** What to report of them; `null` if there are none. */
  get problem(): string | null {
    const last = this.#windows.at(-1);
    if (last === undefined) return null;
    const { length } = this.#windows;
    const what = length === 1 ? "the history" : `${length} windows of the history, among them`;
    return `Cannot read ${what} ${windowText(last.window)}: ${last.reason} The rest is read first.`;
  }

  /** Puts a window off; logs it. `reason` is a sentence. */
  add(window: Window, reason: string): void {
    if (this.#windows.length >= windowsMax) return;
    log.error(
      "The history {window} of the integration {integration} cannot be read, however little is asked for: {reason} " +
        "The rest is read first, and this is tried again later.",
      { window: windowText(window), integration: this.#options.integration, reason },
    );
    if (this.#windows.length === 0) this.#waitAnew();
    this.#windows = [...this.#windows, { window, reason }];
  }

  /** What history reads next: once an hour one of these, else what else is pending. */
  plan(state: ReadState, settings: WindowSettings): Window | undefined {
    // Live reading may have read some, and a later start of the history may have removed some.
    this.#windows = this.#windows.filter(({ window }) => isPending(state, window));
    const [first] = this.#windows;
    const isDue = this.#options.clock.monotonicMs() >= this.#retryAtMs;
    const retried = first && isDue ? planHistory({ ...state, pending: [first.window] }, settings) : undefined;
    const others = this.#windows.reduce((pending, { window }) => without(pending, window), [...state.pending]);
    return retried ?? planHistory({ ...state, pending: others }, settings);
  }

  /**
   * Reads a window; whether it was read. One of these that fails again has been told of: it is put off again without an
   * error.
   */
  async read(window: Window, act: () => Promise<void>): Promise<boolean> {
    const known = this.#windows.find((each) => each.window.toMs === window.toMs);
    try {
      await act();
      return true;
    } catch (error) {
      const failure = failureOf(error);
      if (known === undefined || !mayBeTooMuch(failure, failure)) throw error;
      this.#waitAnew();
      this.#windows = [...this.#windows.filter((each) => each !== known), known];
      return false;
    }
  }

  #waitAnew(): void {
    this.#retryAtMs = this.#options.clock.monotonicMs() + retryMs;
  }
}

function isPending({ pending }: ReadState, window: Window): boolean {
  return pending.some(({ fromMs, toMs }) => fromMs <= window.fromMs && window.toMs <= toMs);
}
