/** What has arrived, for planners. */
import { Buffer } from "node:buffer";
import { decompress } from "./delivery/batch_check.ts";
import { batchKeys } from "./delivery/batch_objects.ts";
import { decodeCursor, encodeCursor } from "./http/cursor.ts";
import type { Database } from "./database/schema.ts";
import { integrationRow } from "./integrations.ts";
import { pageItemsDefault, pageItemsMax } from "./limits.ts";
import type { ObjectStore } from "./objects/objects.ts";
import { readParts } from "./delivery/read_parts.ts";
import { type Actor, HubProblem, type Import, type Imports, type Page } from "./services.ts";
import { importView } from "./views.ts";

/** A batch is an import once it has `receivedAt`; before that it is invisible here. */
export class StoredImports implements Imports {
  readonly #database: Database;
  readonly #objects: ObjectStore;

  constructor(options: { database: Database; objects: ObjectStore }) {
    this.#database = options.database;
    this.#objects = options.objects;
  }

  async list(
    actor: Actor,
    options: { integrationId: string; cursor?: string | undefined; limit?: number | undefined },
  ): Promise<Page<Import>> {
    await integrationRow(this.#database, { actor, id: options.integrationId });
    const limit = Math.min(options.limit ?? pageItemsDefault, pageItemsMax);
    let query = receivedBatches(this.#database).where("integrationId", "=", options.integrationId)
      .orderBy("receivedAt", "desc").orderBy("id", "desc").limit(limit + 1);
    if (options.cursor !== undefined) {
      const [receivedAt, id] = decodeCursor(options.cursor, "number");
      query = query.where("receivedAt", "<=", receivedAt).where(({ eb, or }) =>
        or([eb("receivedAt", "<", receivedAt), eb("id", "<", id)])
      );
    }
    const rows = await query.execute();
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      items: page.map(importView),
      next: rows.length > limit && last !== undefined ? encodeCursor([last.receivedAt ?? 0, last.id]) : null,
    };
  }

  async get(actor: Actor, id: string): Promise<Import> {
    return importView(await this.#row(actor, id));
  }

  async content(actor: Actor, id: string): Promise<{ import: Import; body: ReadableStream<Uint8Array<ArrayBuffer>> }> {
    const row = await this.#row(actor, id);
    const keys = await batchKeys(this.#database, row);
    return {
      import: importView(row),
      body: ReadableStream.from(copied(decompress(readParts(this.#objects, { keys })))),
    };
  }

  async #row(actor: Actor, id: string) {
    const row = await receivedBatches(this.#database)
      .innerJoin("integration", "integration.id", "batch.integrationId").where("batch.id", "=", id)
      .where("integration.accountId", "=", actor.account.id).where("integration.deletedAt", "is", null)
      .executeTakeFirst();
    if (row === undefined) throw new HubProblem("not-found", "There is no such import in this account.");
    return row;
  }
}

function receivedBatches(database: Database) {
  return database.selectFrom("batch").selectAll("batch").where("batch.receivedAt", "is not", null)
    .select(({ exists, selectFrom }) =>
      exists(selectFrom("pendingLoad").select("pendingLoad.batch").whereRef("pendingLoad.batch", "=", "batch.id"))
        .$castTo<number>().as("loading")
    );
}

/** Plain byte arrays: the server takes no Buffer. */
async function* copied(chunks: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const chunk of chunks) {
    yield chunk instanceof Buffer ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength) : chunk;
  }
}
