/** The file with the rows in the hub's data folder, open for reading; only the loading worker writes it. */
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { makePrivateDatabase } from "../objects/private_file.ts";
import { ensureTables, openRows } from "./tables.ts";

/** The open file. */
export interface RowStore extends Disposable {
  readonly file: string;
  readonly database: DatabaseSync;
  /** Changes when the file is recreated: then everything has to be loaded again. */
  readonly id: string;
}

/** Opens `rows/rows.db`, creating it if missing. */
export async function openRowStore(dataDirectory: string): Promise<RowStore> {
  const folder = await Deno.realPath(dataDirectory);
  await Deno.mkdir(join(folder, "rows"), { recursive: true, mode: 0o700 });
  const file = join(folder, "rows", "rows.db");
  await makePrivateDatabase(file);
  const database = openRows(file, { mode: "read" });
  return { file, database, id: ensureTables(database), [Symbol.dispose]: () => database.close() };
}
