/**
 * The worker that loads batches, beside the hub's own thread: it takes a payload chunk by chunk, decompresses, reads
 * CSV and writes rows, one batch after the other. It may read and write the folder with the rows and nothing else.
 */
import { createHash } from "node:crypto";
import { errorText } from "../../runtime/error_text.ts";
import { textCharactersMax } from "../../source/columns.ts";
import { decompress, NotZstdError } from "../delivery/batch_check.ts";
import { BatchLoad } from "./batch_load.ts";
import { CsvError, CsvRecords } from "./csv_records.ts";
import { markDamage } from "./damaged_rows.ts";
import type { FromLoader, LoadResult, ToLoader } from "./load_messages.ts";
import { removeSome } from "./removal.ts";
import { ColumnsMissingError } from "./row_reader.ts";
import { ensureTables, openRows } from "./tables.ts";
import { WindowError } from "./window_problem.ts";

declare const self: {
  readonly name: string;
  onmessage: ((event: { readonly data: ToLoader }) => void) | null;
  postMessage(message: FromLoader): void;
};

/** The hub cancelled the load. */
class CancelledError extends Error {
  override readonly name = "CancelledError";
  readonly record: boolean;
  constructor(reason: string, options: { record: boolean }) {
    super(reason);
    this.record = options.record;
  }
}

/** The payload is not what was received. */
class DamagedError extends Error {
  override readonly name = "DamagedError";
  constructor(options: ErrorOptions = {}) {
    super(
      "The batch is damaged on the hub's disk: its SHA-256 is no longer what it was when it was received. " +
        "Check the disk. The agent is asked for it again; if it no longer has it, restore the hub from a backup.",
      options,
    );
  }
}

// The worker's name is the path of the file.
const database = openRows(self.name, { mode: "load" });
ensureTables(database);
let wake: (message: ToLoader) => void = () => {};

self.onmessage = ({ data }) => {
  if (data.type === "begin") void load(data);
  else if (data.type === "remove") remove(data);
  else wake(data);
};

async function load({ job, nowMs }: ToLoader & { type: "begin" }): Promise<void> {
  const batch = new BatchLoad(database, job);
  try {
    self.postMessage({ type: "loaded", result: batch.begin() ?? await fill(batch, { nowMs, ...job }) });
  } catch (error) {
    try {
      const reason = errorText(markDamage(self.name, error));
      if (database.isTransaction) batch.rollback();
      const damaged = isDamaged(error);
      const isFinal = damaged || isUnreadable(error);
      if (isFinal) self.postMessage({ type: "loaded", result: batch.refuse(nowMs, { error: reason, damaged }) });
      else self.postMessage({ type: "failed", reason });
    } catch (second) {
      self.postMessage({ type: "failed", reason: String(second) });
    }
  }
}

/** A second attempt would fail as well, unless the batch is sent again. */
function isDamaged(error: unknown): boolean {
  return error instanceof DamagedError || error instanceof CancelledError && error.record;
}

/** A second attempt would fail as well. */
function isUnreadable(error: unknown): boolean {
  return error instanceof ColumnsMissingError || error instanceof CsvError || error instanceof WindowError;
}

function remove(of: ToLoader & { type: "remove" }): void {
  try {
    self.postMessage({ type: "removed", result: removeSome(database, of) });
  } catch (error) {
    self.postMessage({ type: "failed", reason: errorText(markDamage(self.name, error)) });
  }
}

async function fill(
  batch: BatchLoad,
  { nowMs, payloadSha256 }: { nowMs: number; payloadSha256: string },
): Promise<LoadResult> {
  const records = new CsvRecords({ fieldCharactersMax: textCharactersMax, onRecord: (record) => batch.row(record) });
  const hash = createHash("sha256");
  try {
    for await (const content of decompress(chunks(), (chunk) => hash.update(chunk))) records.push(content);
    records.end();
  } catch (cause) {
    if (cause instanceof NotZstdError) throw new DamagedError({ cause });
    throw cause;
  }
  if (hash.digest("hex") !== payloadSha256) throw new DamagedError();
  return batch.commit(nowMs);
}

/** The payload, requested chunk by chunk. */
async function* chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  for (;;) {
    const next = new Promise<ToLoader>((resolve) => wake = resolve);
    self.postMessage({ type: "more" });
    const message = await next;
    if (message.type === "end") return;
    if (message.type === "cancel") throw new CancelledError(message.reason, message);
    if (message.type === "chunk") yield message.bytes;
  }
}
