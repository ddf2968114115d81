/** Attempts to read one lane of a database: what to report of failures, and when to retry. */
import { getLogger } from "@logtape/logtape";
import type { ExtractFailure } from "../extractor/messages.ts";
import type { Lane } from "./ports.ts";
import { windowText } from "./query_job.ts";
import { retryDelayMs } from "./retry.ts";
import { failureOf } from "./scheduler_ports.ts";
import { errorText, sentence } from "../runtime/error_text.ts";
import type { Window } from "../source/read_state.ts";

const log = getLogger(["cloud-link", "database"]);

/** What users call it. */
const laneNames: Readonly<Record<Lane, string>> = { live: "new data", history: "history" };

/** A query costs the database more than a request costs the hub, so the backoff starts this many steps later. */
const retryStepsSkipped = 2;

/** What the attempts need, and whom they tell. */
export interface LaneAttemptsOptions {
  /** The integration's name, for messages. */
  readonly integration: string;
  readonly random: () => number;
  /** The window was, or may have been, too much for the database or its driver: ask for less. `reason` is a sentence. */
  readonly onTooMuch: (window: Window, reason: string) => void;
}

/** The attempts of one lane; logs when they start to fail, and when they work again. */
export class LaneAttempts {
  readonly #lane: Lane;
  readonly #options: LaneAttemptsOptions;
  #problem: string | null = null;
  /** Consecutive failures. */
  #failures = 0;
  #lastFailure: ExtractFailure | undefined;

  constructor(lane: Lane, options: LaneAttemptsOptions) {
    this.#lane = lane;
    this.#options = options;
  }

  /** Why the last attempt failed; `null` when it did not. */
  get problem(): string | null {
    return this.#problem;
  }

  /**
   * Attempts to read a window; `act` resolves with whether it was read. Returns after how long to try again, in ms;
   * `undefined` unless it failed. Rejects only when aborted.
   */
  async attempt(
    act: () => Promise<boolean>,
    { window, signal }: { window: Window; signal: AbortSignal },
  ): Promise<number | undefined> {
    const what = laneNames[this.#lane];
    const { integration } = this.#options;
    try {
      if (!await act()) return undefined;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      // Whatever the failure is (even a full disk), it must not take CSV delivery, linking and the log down with it.
      const reason = sentence(errorText(error));
      const failure = failureOf(error);
      if (this.#problem !== reason) {
        log.error(
          "Cannot read {what} from the database for the integration {integration}, {window}: {reason} It is retried automatically.",
          { what, integration, window: windowText(window), reason },
        );
      }
      this.#problem = reason;
      if (mayBeTooMuch(failure, this.#lastFailure)) this.#askForLess(window, reason);
      this.#lastFailure = failure;
      return retryDelayMs(++this.#failures + retryStepsSkipped, this.#options);
    }
    if (this.#problem !== null) {
      log.info("Reading {what} from the database for the integration {integration} works again.", {
        what,
        integration,
      });
    }
    this.#problem = null;
    this.#failures = 0;
    this.#lastFailure = undefined;
    return undefined;
  }

  /** On a full disk this cannot be stored either; the next attempt then asks for the same again. */
  #askForLess(window: Window, reason: string): void {
    try {
      this.#options.onTooMuch(window, reason);
    } catch (error) {
      log.debug("Cannot store that the next requests must be smaller: {error}", { error });
    }
  }
}

/**
 * Timeouts and exhausted memory come from asking for too much. Drivers and databases have their own errors for that,
 * too many to know: whatever they refuse twice is asked for in smaller pieces, which does no harm if the cause was
 * another.
 */
export function mayBeTooMuch(failure: ExtractFailure | undefined, before: ExtractFailure | undefined): boolean {
  if (failure === "timeout" || failure === "crash" || failure === "output") return true;
  return failure === "database" && before === "database";
}
