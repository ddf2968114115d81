import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { assert, assertEquals, assertMatch, assertPrompt, assertRejects } from "../assert.ts";
import { ExtractError } from "../../src/extractor/watch.ts";
import { childCommand, extractor, job, registerBadDriver } from "./harness.ts";

async function contacts(folder: string, rows: readonly (readonly (string | number | null)[])[]): Promise<string> {
  const file = join(folder, "calls.db");
  using database = new DatabaseSync(file);
  database.exec(`CREATE TABLE contact (QueueIdentifier, queuename, timestamp, answered, duration, channel)`);
  const insert = database.prepare("INSERT INTO contact VALUES (?, ?, ?, ?, ?, ?)");
  for (const row of rows) insert.run(...row);
  return await Promise.resolve(file);
}

async function text(path: string, payloadBytes: number): Promise<string> {
  const file = await Deno.readFile(path);
  return new TextDecoder().decode(zstdDecompressSync(file.subarray(0, payloadBytes)));
}

Deno.test("extractor writes the rows of the window as a batch file, and leaves out bad ones by number, column and value", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await contacts(folder, [
      ["1", "Töne", "2026-10-21 00:00:00", 1, 10, null],
      ["2", "before", "2026-10-20 23:59:59", 1, 10, null],
      ["3", 'a "b", c', "2026-10-21 23:59:59.999", 0, "abc", "chats"],
      ["4", "after", "2026-10-22 00:00:00", 1, 10, null],
      ["5", "fine", "2026-10-21 12:00:00", 0, null, "Emails"],
      [null, "no id", "2026-10-21 12:00:00", 0, null, "emails"],
      ["7", "pigeon", "2026-10-21 12:00:00", 0, 1, "pigeons"],
    ]);
    await using live = extractor();
    const output = { path: join(folder, "batch.tmp"), bytesMax: 1e6 };
    const query =
      "SELECT QueueIdentifier, queuename, timestamp AS TimeStamp, answered, duration, channel FROM contact ORDER BY 1;";
    const result = await live.run(job({ folder, output, query }), { signal: new AbortController().signal });
    assertEquals(result.rows, 5);
    assertEquals(result.refused.rows, 3);
    assertMatch(result.refused.reasons.join("\n"), /duration is "abc", not an integer/);
    assertMatch(result.refused.reasons.join("\n"), /QueueIdentifier is NULL, but every row must have a value/);
    assertMatch(result.refused.reasons.join("\n"), /channel is "pigeons", not one of calls/);
    assert(result.file);
    const csv = await text(output.path, result.file.payloadBytes);
    assertEquals(csv.split("\r\n").filter((line) => line !== "").sort(), [
      "1,Töne,2026-10-21 00:00:00,1,10,",
      "5,fine,2026-10-21 12:00:00,0,,Emails",
      "QueueIdentifier,queuename,TimeStamp,answered,duration,channel",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("extractor keeps its process and connection for the next query, and lets go of them on request", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await contacts(folder, [["1", "a", "2026-10-21 10:00:00", 1, 1, null]]);
    let spawned = 0;
    await using live = extractor({ onSpawn: () => spawned++ });
    const { signal } = new AbortController();
    for (let i = 0; i < 3; i++) assertEquals((await live.run(job({ folder }), { signal })).rows, 1);
    assertEquals(spawned, 1);
    await live.rest();
    assert(!live.isRunning);
    await live.run(job({ folder, keepConnection: false }), { signal });
    assertEquals([spawned, live.isRunning], [2, false]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("extractor says what is wrong with a query, and goes on with the next", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await contacts(folder, [["1", "a", "2026-10-21 10:00:00", 1, 1, null]]);
    await Deno.mkdir(join(folder, "state"));
    await Deno.writeTextFile(join(folder, "state", "state.db"), "");
    await using live = extractor();
    const { signal } = new AbortController();
    const failing = async (changes: Parameters<typeof job>[0], message: RegExp, failure: string) => {
      const error = await assertRejects(() => live.run(job({ folder, ...changes }), { signal }), message);
      assert(error instanceof ExtractError);
      assertEquals(error.failure, failure);
    };
    await failing({ query: "SELECT 1; SELECT 2" }, /several statements/, "query");
    await failing(
      { query: "SELECT timestamp FROM contact" },
      /lacks the columns queueidentifier, queuename, answered/,
      "query",
    );
    await failing({ query: "SELECT nowhere FROM contact" }, /no such column: nowhere/, "database");
    await failing({ connection: { by: "file", file: "missing.db" } }, /no such file/, "connection");
    await failing({ connection: { by: "file", file: "state/state.db" } }, /belongs to this program/, "connection");
    await failing({ sqliteFolders: [join(folder, "state")] }, /neither in the installation folder/, "connection");
    await failing(
      { query: "SELECT queueidentifier, queuename, 1760000000 AS timestamp, answered FROM contact" },
      /not a date and time.*unixepoch/,
      "query",
    );
    await failing({ output: { path: join(folder, "no", "where"), bytesMax: 1e6 } }, /No such file/, "output");
    assertEquals((await live.run(job({ folder }), { signal })).rows, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a driver that crashes, aborts, exits, hangs, prints or leaks takes down one query, and the next one runs", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await contacts(folder, [["1", "a", "2026-10-21 10:00:00", 1, 1, null]]);
    const command = childCommand(await registerBadDriver(folder));
    await using live = extractor({
      command,
      limits: { graceMs: 300, cancelMs: 300, memoryBytesMax: 600 * 1024 ** 2 },
    });
    const { signal } = new AbortController();
    const bad = (mode: string) =>
      job({
        databaseType: "odbc",
        connection: { by: "connectionString", connectionString: `DRIVER={Bad};MODE=${mode}` },
        timeoutSeconds: mode === "hang" ? 0.5 : 30,
      });
    const expected: [string, RegExp, string][] = [
      ["crash", /driver ended the process.*SIGSEGV/, "crash"],
      ["abort", /driver ended the process.*SIGABRT: corrupted double-linked list/, "crash"],
      ["exit", /driver ended the process.*exit code 7/, "crash"],
      ["hang", /took longer than 0.5 seconds/, "timeout"],
      ["print", /\[08001\].*the bad driver says no/, "connection"],
      ["leak", /more than 600 MB of memory/, "crash"],
    ];
    for (const [mode, message, failure] of expected) {
      const error = await assertRejects(() => live.run(bad(mode), { signal }), message);
      assert(error instanceof ExtractError, `${mode}: ${error}`);
      assertEquals(error.failure, failure);
      assert(!live.isRunning, `after ${mode}`);
      assertEquals((await live.run(job({ folder }), { signal })).rows, 1, `after ${mode}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an abort ends a hanging query at once", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const command = childCommand(await registerBadDriver(folder));
    await using live = extractor({ command });
    const stop = new AbortController();
    const running = live.run(
      job({
        databaseType: "odbc",
        connection: { by: "connectionString", connectionString: "DRIVER={Bad};MODE=hang" },
      }),
      { signal: stop.signal, onProgress: () => stop.abort(new Error("stopping")) },
    );
    let abortedMs = 0;
    stop.signal.addEventListener("abort", () => abortedMs = performance.now());
    await assertRejects(() => running, /stopping/);
    assertPrompt(performance.now() - abortedMs);
    assert(!live.isRunning);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a process is replaced after its share of queries", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await contacts(folder, [["1", "a", "2026-10-21 10:00:00", 1, 1, null]]);
    let spawned = 0;
    await using live = extractor({ limits: { queriesMax: 2 }, onSpawn: () => spawned++ });
    const { signal } = new AbortController();
    for (let i = 0; i < 4; i++) await live.run(job({ folder }), { signal });
    assertEquals(spawned, 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
