/**
 * The failed connections reported by the relay, kept for a moment so that the failed request can be explained. fetch's
 * error and the report arrive separately: whichever comes first waits for the other. What the relay reports about
 * itself is logged.
 */
import { getLogger } from "@logtape/logtape";
import { remedyOfTrouble } from "./accept_connections.ts";
import type { ConnectionFailure, OsError } from "./connection_failure.ts";
import { shownOsError } from "./os_errors.ts";
import type { RelayReport } from "./relay_messages.ts";

const log = getLogger(["cloud-link", "relay"]);

/** How much later than the failed fetch a report may arrive, in ms. */
const reportDelayMs = 300;
/** How many reports are kept; the oldest goes first. */
const reportsMax = 64;

/** What to look for. */
export interface ReportQuery {
  readonly purpose: string;
  readonly host: string;
  readonly port: number;
  /** Only reports since then (monotonic, as by `performance.now()`). */
  readonly sinceMs: number;
}

/** Collects the reports from one port of {@linkcode ./start_relay.ts}. */
export class ConnectionReports implements Disposable {
  readonly #port: MessagePort;
  readonly #nowMs: () => number;
  #kept: { readonly failure: ConnectionFailure; readonly atMs: number }[] = [];
  #waiting = new Set<() => void>();

  constructor(port: MessagePort, options: { nowMs: () => number }) {
    this.#port = port;
    this.#nowMs = options.nowMs;
    port.onmessage = ({ data }: MessageEvent<RelayReport>) => {
      if (data.type === "trouble") logTrouble(data.trouble);
      else this.#keep(data.failure);
    };
  }

  /**
   * The newest matching report, or `undefined`. Waits a moment for it if `error` is about a connection that the relay
   * refused.
   */
  async find(query: ReportQuery, error: unknown): Promise<ConnectionFailure | undefined> {
    const found = this.#newest(query);
    if (found !== undefined || !isOfConnection(error)) return found;
    const deadline = Promise.withResolvers<void>();
    const timer = setTimeout(deadline.resolve, reportDelayMs);
    const wake = () => {
      if (this.#newest(query) !== undefined) deadline.resolve();
    };
    this.#waiting.add(wake);
    await deadline.promise;
    clearTimeout(timer);
    this.#waiting.delete(wake);
    return this.#newest(query);
  }

  [Symbol.dispose](): void {
    this.#port.close();
  }

  #keep(failure: ConnectionFailure): void {
    this.#kept.push({ failure, atMs: this.#nowMs() });
    if (this.#kept.length > reportsMax) this.#kept.shift();
    for (const wake of [...this.#waiting]) wake();
  }

  #newest(query: ReportQuery): ConnectionFailure | undefined {
    return this.#kept.findLast(({ failure, atMs }) =>
      failure.purpose === query.purpose && failure.host === query.host && failure.port === query.port &&
      atMs >= query.sinceMs
    )?.failure;
  }
}

function logTrouble(trouble: OsError | null): void {
  if (trouble === null) return log.info("New connections can be made again.");
  log.error("Cannot make new connections: the relay on this machine cannot accept them: {error}. {remedy}", {
    error: shownOsError(trouble),
    remedy: remedyOfTrouble(trouble),
  });
}

/** Whether fetch failed below TLS: only then can the relay have a report. */
function isOfConnection(error: unknown): boolean {
  return error instanceof TypeError && !/invalid peer certificate|received fatal alert/.test(error.message) &&
    /client error \((Connect|SendRequest)\)|connection error|error reading a body|error sending request/.test(
      error.message,
    );
}
