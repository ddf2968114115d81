/**
 * Removes the rows of a deleted integration, a limited number per transaction, so that nobody waits long however many
 * there are. The remaining rows are the progress record: the integration's entry in `source` goes last.
 */
import type { DatabaseSync } from "node:sqlite";
import { dataTypes } from "../../protocol/database.ts";
import { tableOf } from "./tables.ts";

/** Everything stored per integration, with its key besides `source`. */
const tables: readonly { readonly name: string; readonly key: string }[] = [
  ...dataTypes.map((dataType) => ({ name: tableOf[dataType].name, key: `${tableOf[dataType].time}, n` })),
  { name: "quarter", key: "dataType, at" },
  { name: "segment", key: "dataType, fromMs" },
  { name: "imported", key: "dataType, fromMs" },
  { name: "total", key: "dataType" },
  { name: "load", key: "n" },
];

/** Removes at most `rowsMax` rows, durably. `done`: nothing of the integration is left. */
export function removeSome(
  database: DatabaseSync,
  { integrationId, rowsMax }: { integrationId: string; rowsMax: number },
): { readonly rows: number; readonly done: boolean } {
  const source = database.prepare("select key from source where id = ?").get(integrationId)?.["key"];
  if (typeof source !== "number") return { rows: 0, done: true };
  database.exec("begin immediate");
  try {
    let rows = 0;
    for (const { name, key } of tables) {
      if (rows >= rowsMax) break;
      rows += Number(
        database.prepare(
          `delete from ${name} where source = :source and (${key}) in
           (select ${key} from ${name} where source = :source limit :some)`,
        ).run({ source, some: rowsMax - rows }).changes,
      );
    }
    const done = rows < rowsMax;
    if (done) database.prepare("delete from source where key = ?").run(source);
    database.exec("commit");
    return { rows, done };
  } catch (error) {
    database.exec("rollback");
    throw error;
  }
}
