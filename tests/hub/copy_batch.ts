import { DatabaseSync } from "node:sqlite";
import { execBeside } from "./exec_beside.ts";

/** Gives the database of a hub that runs in this process `count` more batches like one that it has; returns their ids. */
export async function copyBatch(file: string, { id, count }: { id: string; count: number }): Promise<string[]> {
  using database = new DatabaseSync(file, { readOnly: true });
  const names = database.prepare("select * from batch").columns().map(({ name }) => name ?? "");
  const copied = names.map((name) => name === "id" || name === "batchId" ? `id || 'x' || n` : name);
  await execBeside(
    file,
    `with recursive copy (n) as (select 0 union all select n + 1 from copy where n < ${count - 1})
      insert into batch (${names.join(", ")}) select ${copied.join(", ")} from batch, copy where id = '${id}'`,
  );
  return Array.from({ length: count }, (_, n) => `${id}x${n}`);
}
