/**
 * Small objects in the hub's database instead of files: for an object smaller than a few disk pages, opening, syncing
 * and renaming a file would cost a hundred times its bytes. They are written without a sync of their own; the durable
 * commit that turns their batch into an import comes later in the same log, and makes them durable too.
 */
import type { GroupCommit } from "../database/group_commit.ts";
import type { Database } from "../database/schema.ts";

/** How many keys one statement removes at most. */
const keysPerQueryMax = 500;

/** Writing an existing key replaces the object, as with files. */
export class SmallObjects {
  readonly #database: Database;
  readonly #writes: GroupCommit;

  constructor(options: { database: Database; writes: GroupCommit }) {
    this.#database = options.database;
    this.#writes = options.writes;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#writes.run(async (transaction) => {
      await transaction.insertInto("object").values({ key, bytes })
        .onConflict((conflict) => conflict.column("key").doUpdateSet({ bytes })).execute();
    }, { durable: false });
  }

  async get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const row = await this.#database.selectFrom("object").select("bytes").where("key", "=", key).executeTakeFirst();
    return row?.bytes as Uint8Array<ArrayBuffer> | undefined;
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += keysPerQueryMax) {
      const some = keys.slice(start, start + keysPerQueryMax);
      await this.#database.deleteFrom("object").where("key", "in", some).execute();
    }
  }
}
