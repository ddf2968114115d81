/** What the spool's tests share: an open spool with plain settings, and batches in one call. */
import type { FileSystem } from "../../src/durable/file_system.ts";
import { realFileSystem } from "../../src/durable/real_file_system.ts";
import type { BatchFile, Lane } from "../../src/agent/ports.ts";
import type { BatchOrigin } from "../../src/protocol/delivery.ts";
import type { Link } from "../../src/protocol/linking.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import { type DiskSpool, openSpool } from "../../src/spool/disk_spool.ts";
import type { LostBatch } from "../../src/spool/lost_batch.ts";
import { openStateDatabase, type StateDatabase } from "../../src/state/state_database.ts";
import { zstdDecompressSync } from "node:zlib";

export const never: AbortSignal = new AbortController().signal;

/** A link to an integration; the link's id is another one for every call. */
export function makeLink(integration = "integration-1", id: string = crypto.randomUUID()): Link {
  return { id, account: { id: "account-1", name: "Account" }, integration: { id: integration, name: integration } };
}

export interface Fixture extends AsyncDisposable {
  readonly spool: DiskSpool;
  readonly database: StateDatabase;
  readonly lost: LostBatch[];
}

export interface FixtureOptions {
  fs?: FileSystem;
  database?: StateDatabase;
  clock?: Clock;
  bytesMax?: number;
  freeBytesMin?: number;
  keepDays?: number;
  link?: Link | undefined;
}

/** Opens a spool in `<root>/spool`, linked unless told otherwise. Disposing closes it and its own database. */
export async function openFixture(root: string, options: FixtureOptions = {}): Promise<Fixture> {
  const ownDatabase = options.database === undefined;
  const database = options.database ?? openStateDatabase(`${root}/state.db`);
  const lost: LostBatch[] = [];
  const spool = await openSpool({
    folder: `${root}/spool`,
    setAsideFolder: `${root}/set-aside`,
    fs: options.fs ?? realFileSystem,
    database,
    clock: options.clock ?? systemClock,
    limits: {
      bytesMax: options.bytesMax ?? 1e9,
      freeBytesMin: options.freeBytesMin ?? 0,
      keepDays: options.keepDays ?? 7,
    },
    onLost: (batch) => lost.push(batch),
  });
  spool.use("link" in options ? options.link : makeLink());
  return {
    spool,
    database,
    lost,
    async [Symbol.asyncDispose]() {
      await spool[Symbol.asyncDispose]();
      if (ownDatabase) database[Symbol.dispose]();
    },
  };
}

export function csvOrigin(fileName = "a.csv"): BatchOrigin {
  return { kind: "csv", fileName, modifiedAt: null };
}

export function queryOrigin(from = "2026-01-01T00:00:00Z", to = "2026-01-02T00:00:00Z"): BatchOrigin {
  return {
    kind: "query",
    dataType: "interval",
    window: { from, to },
    timeZone: "Europe/Berlin",
    rows: 1,
    refused: { rows: 0, reasons: [] },
    columns: ["queueidentifier"],
  };
}

/** Writes content in one go. */
export async function write(spool: DiskSpool, content: Uint8Array | string, lane: Lane = "live"): Promise<BatchFile> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await using writer = await spool.open({ bytes: bytes.length, lane, signal: never });
  await writer.write(bytes);
  return await writer.finish();
}

/** Writes and admits. */
export async function put(
  spool: DiskSpool,
  content: Uint8Array | string,
  options: { origin?: BatchOrigin; lane?: Lane; alongside?: (id: string) => void } = {},
): Promise<"admitted" | "known"> {
  const { origin = csvOrigin(), lane = "live", alongside } = options;
  const file = await write(spool, content, lane);
  return await spool.admit(file, { origin, lane, ...(alongside === undefined ? {} : { alongside }) });
}

/** All that waits, in the order it is handed out, as text. */
export async function contents(spool: DiskSpool): Promise<string[]> {
  const except = new Set<string>();
  const found: string[] = [];
  for (
    let batch = spool.next({ except, limit: 1 })[0];
    batch !== undefined;
    batch = spool.next({ except, limit: 1 })[0]
  ) {
    except.add(batch.declaration.id);
    const payload = await batch.read(0, batch.declaration.payloadBytes);
    found.push(new TextDecoder().decode(zstdDecompressSync(payload)));
  }
  return found;
}

/** Id of the next batch, which must be there. */
export function nextId(spool: DiskSpool): string {
  const batch = spool.next({ except: new Set(), limit: 1 })[0];
  if (batch === undefined) throw new Error("nothing waits");
  return batch.declaration.id;
}

export function acknowledge(spool: DiskSpool, id: string, receivedAt = "2026-01-01T00:00:00Z"): void {
  spool.acknowledge([{ batch: id, receivedAt }]);
}
