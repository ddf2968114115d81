import { rowStream } from "../../../src/hub/rows/row_stream.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { ensureTables, openRows } from "../../../src/hub/rows/tables.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";

const rowCount = 20_000;

async function lines(file: string): Promise<string[]> {
  let ended = 0;
  const stream = rowStream(file, {
    integrationId: "i",
    dataType: "contact",
    range: { fromMs: 0, toMs: 1e12 },
    format: "csv",
    clock: systemClock,
    onEnd: () => ended++,
  });
  try {
    return (await new Response(stream).text()).split("\r\n");
  } finally {
    assertEquals(ended, 1);
  }
}

Deno.test("a stream of rows from a damaged file breaks off, and does not end as if it were complete", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/rows.db`;
  try {
    {
      using database = openRows(path, { mode: "load" });
      ensureTables(database);
      database.exec(`insert into source values (1, 'i');
        with recursive c(i) as (select 1 union all select i + 1 from c where i < ${rowCount})
        insert into contact select 1, i, 'q', 'Queue', i * 1000, 1, null, 'calls' from c;
        pragma wal_checkpoint(truncate)`);
    }
    const whole = await lines(path);
    assertEquals(whole.length, rowCount + 2);
    assert(whole[1]?.startsWith("q,Queue,1970-01-01T00:00:01Z,1,"));
    // The leaves of the table are everywhere in the middle.
    using file = await Deno.open(path, { write: true });
    const { size } = await Deno.stat(path);
    await file.seek(Math.floor(size / 2 / 4096) * 4096, Deno.SeekMode.Start);
    await file.write(new Uint8Array(4 * 4096).fill(0xff));
    await assertRejects(() => lines(path), /rows end too early/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
