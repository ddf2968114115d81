import { Kysely, sql } from "kysely";
import { sqliteDialect } from "../../../src/hub/database/sqlite.ts";
import { assertRejects } from "../../assert.ts";

Deno.test("hub's database tells that the disk is full, and takes transactions again when there is room", async () => {
  const database = new Kysely<Record<string, never>>({ dialect: sqliteDialect(":memory:") });
  try {
    await sql.raw("create table t (x blob)").execute(database);
    const fill = () =>
      database.transaction().execute((transaction) =>
        sql.raw("insert into t values (zeroblob(1e6))").execute(transaction)
      );
    await sql.raw("pragma max_page_count = 10").execute(database);
    await assertRejects(fill, /database or disk is full/);
    await sql.raw("pragma max_page_count = 100000").execute(database);
    await fill();
  } finally {
    await database.destroy();
  }
});
