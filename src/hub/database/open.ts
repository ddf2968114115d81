/** The hub's data folder: `hub.db` (mode 0600) and `objects/` (0700). */
import { join } from "node:path";
import { Kysely } from "kysely";
import { errorText } from "../../runtime/error_text.ts";
import { makePrivateDatabase } from "../objects/private_file.ts";
import { isDamage } from "./damage.ts";
import { migrate } from "./migrations.ts";
import type { Database, Tables } from "./schema.ts";
import { sqliteDialect } from "./sqlite.ts";

/** The database in the data folder. */
export const databaseFileName = "hub.db";

/** Secrets that the hub generated at its first start. */
export interface HubKeys {
  readonly token: Uint8Array<ArrayBuffer>;
  readonly upload: Uint8Array<ArrayBuffer>;
  readonly pin: Uint8Array<ArrayBuffer>;
}

/** The open database; disposing it closes it. */
export interface HubDatabase extends AsyncDisposable {
  readonly database: Database;
  readonly keys: HubKeys;
}

/** Opens the database in `folder`, creating both if missing. */
export async function openDatabase(folder: string): Promise<HubDatabase> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, databaseFileName);
  await makePrivateDatabase(file);
  const database = new Kysely<Tables>({ dialect: sqliteDialect(file) });
  try {
    await migrate(database);
    const rows = await database.selectFrom("meta").selectAll().execute();
    const key = (name: string) => {
      const value = rows.find((row) => row.key === name)?.value;
      if (value === undefined) throw new Error(`Cannot read the hub's database in "${folder}": it has no ${name}`);
      return Uint8Array.from(new TextEncoder().encode(value));
    };
    return {
      database,
      keys: { token: key("tokenKey"), upload: key("uploadKey"), pin: key("pinKey") },
      [Symbol.asyncDispose]: () => database.destroy(),
    };
  } catch (error) {
    await database.destroy();
    throw isDamage(error) ? damaged(file, error) : error;
  }
}

function damaged(file: string, cause: unknown): Error {
  const text = `Cannot use the hub's database "${file}": it is damaged (${errorText(cause)}). ` +
    "Check the disk, and restore the data folder from a backup; agents resend what has arrived since";
  return new Error(text, { cause });
}
