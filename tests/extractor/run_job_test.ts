/** Jobs in this process, without an extractor's around them. */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { realFileSystem } from "../../src/durable/real_file_system.ts";
import { openDatabase } from "../../src/extractor/open_database.ts";
import { type JobSurroundings, runJob } from "../../src/extractor/run_job.ts";
import type { ExtractJob } from "../../src/extractor/messages.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { job } from "./harness.ts";

/** Runs a job on a connection of its own. */
async function runAlone(
  changes: Partial<ExtractJob>,
  surroundings: Partial<JobSurroundings> = {},
): Promise<Awaited<ReturnType<typeof runJob>>> {
  const wanted = job(changes);
  const { signal } = new AbortController();
  await using database = await openDatabase(wanted, signal);
  return await runJob(wanted, {
    database,
    signal,
    fs: realFileSystem,
    clock: systemClock,
    described: new Map(),
    onProgress: () => {},
    ...surroundings,
  });
}

Deno.test("a batch that has to be read again, for a value longer than declared, has each row once", async () => {
  const folder = await Deno.makeTempDir();
  try {
    using database = new DatabaseSync(join(folder, "calls.db"));
    database.exec(`CREATE TABLE contact (queueidentifier varchar(10), queuename varchar(10), timestamp varchar(30),
        answered integer, note varchar(10));
      WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 60000)
      INSERT INTO contact SELECT i, 'Q', '2026-10-21 10:00:00', 1, iif(i = 60000, printf('%.*c', 500, 'x'), 'n') FROM c`);
    const path = join(folder, "batch");
    const { rows, file } = await runAlone({
      databaseType: "odbc",
      connection: { by: "connectionString", connectionString: `DRIVER=SQLite3;DATABASE=${folder}/calls.db` },
      query: "SELECT * FROM contact",
      output: { path, bytesMax: 1e8 },
    });
    assert(file);
    const lines = zstdDecompressSync((await Deno.readFile(path)).subarray(0, file.payloadBytes)).toString().split(
      "\r\n",
    );
    assertEquals([rows, lines.length], [60_000, 60_002]);
    assertEquals(new Set(lines).size, lines.length);
    assertEquals(lines.at(-2), `60000,Q,2026-10-21 10:00:00,1,${"x".repeat(500)}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The rows (their numbers) found in windows of three hours around 2026-10-21, for a column with these times. */
async function rowsInWindows(times: readonly string[]): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    using database = new DatabaseSync(join(folder, "calls.db"));
    database.exec("CREATE TABLE contact (queueidentifier TEXT, queuename TEXT, timestamp TEXT, answered INTEGER)");
    for (const [row, time] of times.entries()) {
      database.prepare("INSERT INTO contact VALUES (?, 'Q', ?, 1)").run(String(row), time);
    }
    const found: string[] = [];
    for (let hour = -24; hour < 48; hour += 3) {
      const fromMs = Date.UTC(2026, 9, 21, hour);
      const { preview, refused } = await runAlone({
        connection: { by: "file", file: join(folder, "calls.db") },
        timeZone: "UTC",
        window: { fromMs, toMs: fromMs + 3 * 3_600_000 },
      });
      assertEquals(refused.rows, 0, refused.reasons.join());
      found.push(...preview.map(([id]) => id ?? ""));
    }
    return found.sort();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("SQLite's times are read in every form that a column has at once, each row in one window", async () => {
  const times = ["", "2026-10-21 10:10:00", "2026-10-21T11:10:00", "2026-10-21", "2026-10-22", "2026-10-21T23:59"];
  assertEquals(await rowsInWindows(times), ["1", "2", "3", "4", "5"]);
  // London, where a program may write its winter's offset as Z or as +00:00.
  for (const winter of ["2026-01-10T10:00:00Z", "2026-01-10 10:00:00+00:00"]) {
    const summer = ["2026-10-21 00:30:00+01:00", "2026-10-21T23:59:59.5+01:00", "2026-10-21T12:00:00Z"];
    assertEquals(await rowsInWindows([...summer, winter]), ["0", "1", "2"]);
    // So many that no summer is among the samples.
    const winters = Array.from({ length: 30 }, () => winter);
    assertEquals(await rowsInWindows([...winters, ...summer]), ["30", "31", "32"]);
  }
});

Deno.test("characters that are not text as the driver expects it are counted, and told with the result", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "calls.db");
    {
      using database = new DatabaseSync(file);
      // Köln and Käln in Latin-1, which become the same.
      database.exec(`CREATE TABLE contact (queueidentifier TEXT, queuename TEXT, timestamp TEXT, answered INTEGER);
        INSERT INTO contact VALUES (CAST(x'4bf66c6e' AS TEXT), 'Köln', '2026-10-21 10:00:00', 1),
          (CAST(x'4be46c6e' AS TEXT), 'Käln, "a"', '2026-10-21 10:00:00', 1)`);
    }
    for (
      const reached of [
        { databaseType: "sqlite", connection: { by: "file", file } },
        {
          databaseType: "odbc",
          connection: { by: "connectionString", connectionString: `DRIVER=SQLite3;DATABASE=${file}` },
        },
      ] as const
    ) {
      const { rows, remarks } = await runAlone(reached);
      assertEquals(rows, 2);
      assertEquals(remarks.length, 1);
      assertMatch(remarks[0] ?? "", /^Characters that became "\ufffd": 2\. .* set the character set/);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
