/** The spool's index: one row per batch file, in the state database. Every function is one SQL statement or a few. */
import type { Lane } from "../agent/ports.ts";
import { type IntegrationKey, raiseSequence } from "../state/integration.ts";
import { outrankedSequence } from "../state/link_epoch.ts";
import type { StateDatabase } from "../state/state_database.ts";
import type { BatchDescription } from "./batch_file.ts";

/** A batch in the index. */
export interface IndexedBatch {
  readonly integration: IntegrationKey;
  readonly state: BatchState;
  /** Name of the file in the spool folder. */
  readonly file: string;
  readonly fileBytes: number;
  readonly batch: BatchDescription;
}

/** `expired`: acknowledged, and its file is being removed. */
export type BatchState = "waiting" | "acknowledged" | "expired";

/** What waits for one integration. */
export interface Waiting {
  readonly batches: number;
  /** Total length of their files, in bytes. */
  readonly bytes: number;
  /** When the oldest was admitted, in ms since the epoch. */
  readonly oldestAt: number | undefined;
}

type BatchRow = {
  id: string;
  integration: number;
  state: BatchState;
  file: string;
  fileBytes: number;
  declaration: string;
};

const columns = "id, integration, state, file, file_bytes AS fileBytes, declaration";
/** Live before history, in the order of the lane column. */
const laneOrder: Readonly<Record<Lane, number>> = { live: 0, history: 1 };

/** The index in the state database. */
export class SpoolIndex {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  get(id: string): IndexedBatch | undefined {
    const row = this.#database.get<BatchRow>(`SELECT ${columns} FROM batch WHERE id = ?`, id);
    return row === undefined ? undefined : fromRow(row);
  }

  /** All of them, for the check at startup. */
  all(): IndexedBatch[] {
    return this.#database.all<BatchRow>(`SELECT ${columns} FROM batch`).map(fromRow);
  }

  /**
   * Inserts a waiting batch, or replaces the one with the same id (whose sequence is older). Part of the caller's
   * transaction.
   */
  insert(added: Omit<IndexedBatch, "state">): void {
    const { batch, integration } = added;
    const window = batch.origin.kind === "query" ? batch.origin : undefined;
    this.#database.run(
      `INSERT INTO batch (id, integration, sequence, lane, state, file, file_bytes, declaration, stream, window_from,
         window_to, created_at) VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, lane = excluded.lane, state = 'waiting',
         file = excluded.file, file_bytes = excluded.file_bytes, declaration = excluded.declaration,
         created_at = excluded.created_at`,
      batch.id,
      integration,
      batch.sequence,
      laneOrder[batch.lane],
      added.file,
      added.fileBytes,
      JSON.stringify(batch),
      window?.dataType ?? null,
      window === undefined ? null : Date.parse(window.window.from),
      window === undefined ? null : Date.parse(window.window.to),
      Date.parse(batch.createdAt),
    );
    raiseSequence(this.#database, integration, batch.sequence);
  }

  /**
   * Whether rows of this batch's window were replaced by a later batch, or may have been by another installation's. If so,
   * the hub must receive it again with a new sequence when the source returns to this content.
   */
  isSuperseded({ integration, batch }: IndexedBatch): boolean {
    if (batch.origin.kind !== "query") return false;
    if (batch.sequence <= outrankedSequence(this.#database, integration)) return true;
    const { dataType, window } = batch.origin;
    return this.#database.get(
      `SELECT 1 AS found FROM batch WHERE integration = ? AND stream = ? AND window_from < ? AND window_to > ?
         AND sequence > ? LIMIT 1`,
      integration,
      dataType,
      Date.parse(window.to),
      Date.parse(window.from),
      batch.sequence,
    ) !== undefined;
  }

  /** The first waiting batches, live before history, each oldest first, without those in `except`; `limit` at most. */
  next(
    integration: IntegrationKey,
    { except, limit }: { except: ReadonlySet<string>; limit: number },
  ): readonly IndexedBatch[] {
    const ids = this.#database.all<{ id: string }>(
      "SELECT id FROM batch WHERE integration = ? AND state = 'waiting' ORDER BY lane, sequence LIMIT ?",
      integration,
      except.size + limit,
    );
    const wanted = ids.filter(({ id }) => !except.has(id)).slice(0, limit);
    return wanted.map(({ id }) => this.get(id)).filter((batch) => batch !== undefined);
  }

  waiting(integration: IntegrationKey): Waiting {
    const row = this.#database.get<{ batches: number; bytes: number | null; oldest: number | null }>(
      `SELECT count(*) AS batches, sum(file_bytes) AS bytes, min(created_at) AS oldest FROM batch
         WHERE integration = ? AND state = 'waiting'`,
      integration,
    );
    return { batches: row?.batches ?? 0, bytes: row?.bytes ?? 0, oldestAt: row?.oldest ?? undefined };
  }

  hasWaiting(integration: IntegrationKey): boolean {
    return this.#database.get(
      "SELECT 1 AS found FROM batch WHERE integration = ? AND state = 'waiting' LIMIT 1",
      integration,
    ) !== undefined;
  }

  /** Total length of all files of all integrations, in bytes. */
  storedBytes(): number {
    return this.#database.get<{ bytes: number | null }>("SELECT sum(file_bytes) AS bytes FROM batch")?.bytes ?? 0;
  }

  /**
   * Marks a waiting batch as delivered, and counts it the first time. `receivedAt` is in ms since the epoch, by the
   * hub's clock.
   */
  acknowledge({ integration, batch }: IndexedBatch, options: { receivedAt: number }): void {
    const first = this.#database.run(
      "UPDATE integration SET acknowledged = acknowledged + 1 WHERE key = ? AND EXISTS " +
        "(SELECT 1 FROM batch WHERE id = ? AND acknowledged_at IS NULL)",
      integration,
      batch.id,
    );
    this.#database.run(
      `UPDATE batch SET state = 'acknowledged', acknowledged_at = ${first > 0 ? "?" : "max(acknowledged_at, ?)"},
         acknowledged_order = 1 + coalesce((SELECT max(acknowledged_order) FROM batch AS other
           WHERE other.integration = batch.integration AND other.state = 'acknowledged'), 0)
         WHERE id = ? AND state = 'waiting'`,
      options.receivedAt,
      batch.id,
    );
  }

  /** When the hub received the latest of the kept acknowledged batches, in ms since the epoch by its clock. */
  lastReceivedAt(): number | undefined {
    return this.#database.get<{ at: number | null }>(
      "SELECT max(acknowledged_at) AS at FROM batch WHERE state = 'acknowledged'",
    )?.at ?? undefined;
  }

  /** How many batches of the integration have ever been acknowledged, including those whose files are gone. */
  acknowledgedCount(integration: IntegrationKey): number {
    return this.#database.get<{ acknowledged: number }>(
      "SELECT acknowledged FROM integration WHERE key = ?",
      integration,
    )?.acknowledged ?? 0;
  }

  /** Kept acknowledged batches, in ascending sequence. */
  acknowledged(
    integration: IntegrationKey,
    page: { after: number; limit: number },
  ): { id: string; sequence: number }[] {
    return this.#database.all<{ id: string; sequence: number }>(
      `SELECT id, sequence FROM batch WHERE integration = ? AND state = 'acknowledged' AND sequence > ?
         ORDER BY sequence LIMIT ?`,
      integration,
      page.after,
      page.limit,
    );
  }

  /** The ids of the most recently acknowledged kept batches. */
  newestAcknowledged(integration: IntegrationKey, limit: number): string[] {
    return this.#database.all<{ id: string }>(
      `SELECT id FROM batch WHERE integration = ? AND state = 'acknowledged' ORDER BY acknowledged_order DESC LIMIT ?`,
      integration,
      limit,
    ).map(({ id }) => id);
  }

  /** Makes an acknowledged batch wait again; false if its file is gone. */
  resend(integration: IntegrationKey, id: string): boolean {
    return this.#database.run(
      "UPDATE batch SET state = 'waiting' WHERE id = ? AND integration = ? AND state = 'acknowledged'",
      id,
      integration,
    ) > 0;
  }

  /** Acknowledged batches that the hub received before `receivedBefore`, by its clock; oldest first. */
  oldestAcknowledged(options: { receivedBefore: number; limit: number }): IndexedBatch[] {
    return this.#database.all<BatchRow>(
      `SELECT ${columns} FROM batch WHERE state = 'acknowledged' AND acknowledged_at < ? ORDER BY acknowledged_at
         LIMIT ?`,
      options.receivedBefore,
      options.limit,
    ).map(fromRow);
  }

  /** Waiting batches of integrations that were deleted before `deletedBefore`, oldest first. */
  oldestOrphans(options: { deletedBefore: number; limit: number }): IndexedBatch[] {
    return this.#database.all<BatchRow>(
      `SELECT ${columns} FROM batch WHERE state = 'waiting'
         AND integration IN (SELECT key FROM integration WHERE deleted_at < ?) ORDER BY created_at LIMIT ?`,
      options.deletedBefore,
      options.limit,
    ).map(fromRow);
  }

  /** What waits for all integrations but one, without deleted ones. */
  waitingForOthers(integration: IntegrationKey | undefined): Omit<Waiting, "oldestAt"> {
    const row = this.#database.get<{ batches: number; bytes: number | null }>(
      `SELECT count(*) AS batches, sum(file_bytes) AS bytes FROM batch WHERE state = 'waiting'
         AND integration IN (SELECT key FROM integration WHERE deleted_at IS NULL AND key IS NOT ?)`,
      integration ?? null,
    );
    return { batches: row?.batches ?? 0, bytes: row?.bytes ?? 0 };
  }

  expire(id: string): void {
    this.#database.run("UPDATE batch SET state = 'expired' WHERE id = ?", id);
  }

  /** Removes the row of a batch, unless another file has taken its place. */
  remove({ batch, file }: Pick<IndexedBatch, "batch" | "file">): boolean {
    return this.#database.run("DELETE FROM batch WHERE id = ? AND file = ?", batch.id, file) > 0;
  }
}

function fromRow(row: BatchRow): IndexedBatch {
  // Written by this program to the same database, which has passed its own check: trusted.
  const batch = JSON.parse(row.declaration) as BatchDescription;
  return {
    integration: row.integration,
    state: row.state,
    file: row.file,
    fileBytes: row.fileBytes,
    batch,
  };
}
