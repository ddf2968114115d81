/** Reads one window of a database integration into the spool, and logs it. */
import { getLogger } from "@logtape/logtape";
import type { ExtractResult } from "../extractor/messages.ts";
import type { DatabaseSource } from "../protocol/database.ts";
import type { Clock } from "../runtime/clock.ts";
import type { SourceProgress, Window } from "../source/read_state.ts";
import type { Lane } from "./ports.ts";
import { queryJob, queryOrigin, windowText } from "./query_job.ts";
import type { ProgressLedger, QueryRunner, QuerySpool, Reach } from "./scheduler_ports.ts";

const log = getLogger(["cloud-link", "database"]);

/** Room to ask for until the first batch shows how large they are, in bytes. */
const batchBytesFirst = 1024 * 1024;
/** How many rows of each request are logged with `verbose`. */
const verboseRows = 10;

/** Whose windows to read, and where they go. */
export interface WindowReaderOptions {
  readonly source: DatabaseSource;
  readonly reach: Reach;
  readonly ledger: ProgressLedger;
  readonly spool: QuerySpool;
  /** Maximum size of a batch, in bytes. */
  readonly batchBytesMax: number;
  readonly clock: Clock;
  /** `[app] verbose`. */
  readonly verbose: boolean;
}

/** How one window is read. */
export interface ReadOptions {
  readonly lane: Lane;
  readonly runner: QueryRunner;
  readonly keepConnection: boolean;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  /** The ledger's step, committed together with the batch. */
  readonly advance: (progress: SourceProgress, result: ExtractResult) => SourceProgress;
}

/** From windows to batches. */
export class WindowReader {
  readonly #options: WindowReaderOptions;
  #batchBytes: Record<Lane, number> = { live: batchBytesFirst, history: batchBytesFirst };
  #refusedShown = "";
  /** As they read without their numbers, which may differ from window to window. */
  readonly #remarksShown = new Set<string>();

  constructor(options: WindowReaderOptions) {
    this.#options = options;
  }

  /** Fails with the error of the runner or the spool; nothing was committed then. */
  async read(window: Window, options: ReadOptions): Promise<ExtractResult> {
    const { source, reach, ledger, spool, clock, verbose, batchBytesMax } = this.#options;
    const { lane, signal, advance } = options;
    await using place = await spool.reserve({ bytes: this.#batchBytes[lane], lane, signal });
    const result = await options.runner.run(
      queryJob({
        source,
        reach,
        window,
        output: { path: place.path, bytesMax: batchBytesMax },
        previewRows: verbose ? verboseRows : 0,
        timeoutSeconds: options.timeoutSeconds,
        keepConnection: options.keepConnection,
      }),
      { signal },
    );
    const { file } = result;
    if (!file) throw new Error(`Cannot read the window ${windowText(window)}: the extractor wrote no file`);
    this.#tell(window, { lane, result });
    this.#batchBytes[lane] = Math.max(file.payloadBytes * 2, batchBytesFirst);
    const commit = () => {
      const progress = ledger.progress();
      if (progress) ledger.setProgress(advance(progress, result));
    };
    if (ledger.isUnchanged(window, file.sha256)) {
      commit();
      return result;
    }
    await spool.admit(file, {
      origin: queryOrigin(source, { window, result }),
      lane,
      alongside: (batchId) => {
        commit();
        const { sha256 } = file;
        const refused = result.refused.rows;
        ledger.record({ ...window, sha256, rows: result.rows - refused, refused, batchId, readAtMs: clock.now() });
      },
    });
    return result;
  }

  /** Logs the result of a request: always at debug level, its rows when `verbose`; refused rows when they are news. */
  #tell(window: Window, { lane, result }: { lane: Lane; result: ExtractResult }): void {
    const { verbose } = this.#options;
    const facts = { rows: result.rows, window: windowText(window), durationMs: result.durationMs };
    if (verbose) {
      log.info("Read {rows} rows of {window} in {durationMs} ms. The first of them: {preview}", {
        ...facts,
        preview: [result.columns, ...result.preview].map((row) => JSON.stringify(row)).join(" "),
      });
    } else if (lane === "history") log.info("Read {rows} rows of history, {window}, in {durationMs} ms.", facts);
    else log.debug("Read {rows} rows of {window} in {durationMs} ms.", facts);
    this.#tellRemarks(result);
    const { rows, reasons } = result.refused;
    const shown = rows === 0 ? "" : `${rows} ${reasons.join("\n")}`;
    if (shown !== "" && shown !== this.#refusedShown) {
      log.warn(
        "{refused} of {rows} rows of {window} cannot be imported: {reasons}. Correct them in the database, or correct the query.",
        {
          ...facts,
          refused: rows,
          reasons: reasons.join("; "),
        },
      );
    }
    this.#refusedShown = shown;
  }

  /** Each of them once. */
  #tellRemarks({ database, remarks }: ExtractResult): void {
    for (const remark of remarks) {
      const withoutNumbers = remark.replace(/\d+/g, "");
      if (this.#remarksShown.has(withoutNumbers)) continue;
      this.#remarksShown.add(withoutNumbers);
      log.warn("The database {database}: {remark}", { database, remark });
    }
  }
}
