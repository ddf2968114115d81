/**
 * Sets aside a batch that will never be delivered: damaged, or refused by the hub. A person may inspect what is left.
 */
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { FileSystem } from "../durable/file_system.ts";
import { replaceFile } from "../durable/replace_file.ts";
import { makeSetAsideFolder, moveAside } from "../durable/set_aside.ts";
import { batchTitle } from "../protocol/batch_title.ts";
import type { BatchOrigin } from "../protocol/delivery.ts";
import type { Clock } from "../runtime/clock.ts";
import { sentence } from "../runtime/error_text.ts";
import type { StateDatabase } from "../state/state_database.ts";
import { type BatchDescription, payloadIsWhole } from "./batch_file.ts";
import type { LostBatch } from "./lost_batch.ts";
import { type SetAsideLimit, setAsideWhy } from "./set_aside_limit.ts";
import type { IndexedBatch, SpoolIndex } from "./spool_index.ts";

const log = getLogger(["cloud-link", "spool"]);

/** From where to where, and whom to notify. */
export interface SetAsideOptions {
  readonly folder: string;
  readonly setAsideFolder: string;
  readonly fs: FileSystem;
  readonly database: StateDatabase;
  readonly clock: Pick<Clock, "now">;
  readonly index: SpoolIndex;
  /** Makes the source's ledger forget the batch, within the running transaction. */
  readonly onLost: (lost: LostBatch) => void;
  readonly limit: SetAsideLimit;
  /** Called with the number of bytes of files removed. */
  readonly onRemoved: (bytes: number) => void;
}

/** Moves the file, if there is one, next to a one-line reason, then removes the row. */
export async function setAsideBatch(row: IndexedBatch, reason: string, options: SetAsideOptions): Promise<void> {
  const { folder, setAsideFolder, fs, database, clock, index, onLost, onRemoved, limit } = options;
  const path = join(folder, row.file);
  const isWhole = await fileIsWhole(path, { fs, batch: row.batch });
  const to = await makeSetAsideFolder(setAsideFolder, setAsideWhy, { fs, now: clock.now() });
  await replaceFile(join(to, "reason.txt"), `${reason}\n`, { fs });
  if (isWhole !== undefined) await moveAside(path, join(to, row.file), { fs });
  await fs.syncFolder(to);
  await fs.syncFolder(folder);
  const wasThere = database.transaction(() => {
    if (!index.remove(row)) return false;
    onLost({ integration: row.integration, batch: row.batch, reread: isWhole !== true });
    return true;
  });
  if (!wasThere) return await limit.added(to);
  onRemoved(row.fileBytes);
  const { origin } = row.batch;
  log.error(
    isWhole === true
      ? "Set {title} aside: the hub rejected it. {reason} It is now in {to}. {remedy}"
      : "Set {title} aside: it is damaged. {reason} What is left is in {to}; the source is read again.",
    { title: batchTitle(origin), reason: sentence(reason), to, remedy: remedies[origin.kind] },
  );
  await limit.added(to);
}

/** How refused data gets another chance. */
const remedies: Readonly<Record<BatchOrigin["kind"], string>> = {
  csv: "Save the file again to try once more.",
  query: "These rows are read and sent again when the query is changed in the hub.",
};

/** Whether the payload is intact; `undefined` if there is no file. */
async function fileIsWhole(
  path: string,
  options: { fs: FileSystem; batch: BatchDescription },
): Promise<boolean | undefined> {
  try {
    return await payloadIsWhole(path, options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
