/** The file with the rows in the hub's data folder, open for reading; only the loading worker writes it. */
import { getLogger } from "@logtape/logtape";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { isDamage } from "../database/damage.ts";
import { makePrivateDatabase } from "../objects/private_file.ts";
import { discardRows, isMarked } from "./damaged_rows.ts";
import { ensureTables, openRows } from "./tables.ts";

const log = getLogger(["cloud-link", "hub"]);

/** The open file. */
export interface RowStore extends Disposable {
  readonly file: string;
  readonly database: DatabaseSync;
  /** Changes when the file is recreated: then everything has to be loaded again. */
  readonly id: string;
}

/** Opens `rows/rows.db`, creating it if missing, and anew if it is damaged. */
export async function openRowStore(dataDirectory: string): Promise<RowStore> {
  const folder = await Deno.realPath(dataDirectory);
  await Deno.mkdir(join(folder, "rows"), { recursive: true, mode: 0o700 });
  const file = join(folder, "rows", "rows.db");
  const known = await isMarked(file) ? undefined : await openIntact(file);
  if (known !== undefined) return known;
  log.warn("{file} is damaged: it is made anew, and everything is loaded again from what was received.", { file });
  await discardRows(file);
  return await open(file);
}

async function openIntact(file: string): Promise<RowStore | undefined> {
  try {
    return await open(file);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return undefined;
  }
}

async function open(file: string): Promise<RowStore> {
  await makePrivateDatabase(file);
  const database = openRows(file, { mode: "read" });
  try {
    return { file, database, id: ensureTables(database), [Symbol.dispose]: () => database.close() };
  } catch (error) {
    database.close();
    throw error;
  }
}
