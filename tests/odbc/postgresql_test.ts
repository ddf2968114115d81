/** ODBC against a real PostgreSQL, by psqlodbc in both variants. */
import { LongValueError } from "../../src/database/row_source.ts";
import { OdbcError } from "../../src/odbc/diagnostics.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { startPostgresql, type TestServer } from "../databases/postgresql.ts";
import { eventually } from "../eventually.ts";
import { assertAborts, sleepSeconds } from "./assert_aborts.ts";
import { attributesFor, csvOf, testTimeoutMs, withDatabase } from "./open.ts";

const typesTable = `
create table types (
  n int, small smallint, normal integer, big bigint, exact numeric(38,10), free numeric, r real, d double precision,
  yes boolean, day date, at time, wall timestamp, zoned timestamptz, short varchar(20), unsized varchar, body text,
  padded char(5), id uuid, bytes bytea);
insert into types values
 (1, -32768, -2147483648, -9223372036854775808, -9999999999999999999999999999.9999999999, 0.1, 1.1, 0.1,
  true, '2024-02-29', '23:59:59.999999', '2024-03-31 02:30:00.123456', '2024-10-27 02:30:00+02', 'Grüße 😀', 'a,b', E'x"y\\nz',
  'ab', '6d1b7a1c-93a5-4f0e-9c2a-0a1b2c3d4e5f', '\\x00ff10'),
 (2, 32767, 2147483647, 9223372036854775807, 9999999999999999999999999999.9999999999, 1e30, 16777216, 1e300,
  false, '0001-01-01', '00:00:00', '9999-12-31 23:59:59.5', '2024-10-27 02:30:00+01', '', '', '', '', null, ''),
 (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null),
 (4, 0, 7, 9007199254740993, 0, -0.00000000000000000001, 'NaN', '-Infinity', true, '1969-12-31', '12:00', '1969-12-31 23:59:59',
  '1969-12-31 23:59:59.999999+00', repeat('😀', 20), repeat('ü', 3000), repeat('€"', 100000), 'äöüß', null, decode(repeat('ab', 2000), 'hex'));
`;

const expectedHeader = "n,small,normal,big,exact,free,r,d,yes,day,at,wall,short,unsized,body,padded,bytes,id";
const typesQuery =
  `select n, small, normal, big, exact, free, r, d, yes, day, at, wall, short, unsized, body, padded, bytes, id
   from types order by n`;
const expectedRows = [
  "1,-32768,-2147483648,-9223372036854775808,-9999999999999999999999999999.9999999999,0.1,1.1,0.1,1,2024-02-29," +
  '23:59:59.999999,2024-03-31 02:30:00.123456,Grüße 😀,"a,b","x""y\nz",ab   ,AP8Q,6d1b7a1c-93a5-4f0e-9c2a-0a1b2c3d4e5f',
  "2,32767,2147483647,9223372036854775807,9999999999999999999999999999.9999999999,1000000000000000000000000000000," +
  '16777216,1e+300,0,0001-01-01,00:00:00,9999-12-31 23:59:59.5,"","","",     ,"",',
  "3" + ",".repeat(17),
  "4,0,7,9007199254740993,0.0000000000,-0.00000000000000000001,NaN,-Infinity,1,1969-12-31,12:00:00,1969-12-31 23:59:59," +
  `${"😀".repeat(20)},${"ü".repeat(3000)},"${'€""'.repeat(100_000)}",äöüß ,${"q6ur".repeat(666)}q6s=,`,
];

Deno.test("psqlodbc gives every type exactly, in both variants", async (t) => {
  await using server = await startPostgresql();
  await server.sql(typesTable);
  for (const driver of ["PostgreSQL Unicode", "PostgreSQL ANSI"]) {
    await t.step(driver, async () => {
      await withDatabase(attributesFor(driver, server), async (database) => {
        assertMatch(database.info.description, /^PostgreSQL 1\d\S* \(psqlodbc/);
        assertEquals(database.info.remarks, []);
        const { lines, csv } = await csvOf(database, typesQuery);
        assertEquals(lines[0], expectedHeader);
        assertEquals(csv, [expectedHeader, ...expectedRows, ""].join("\r\n"));
      });
    });
  }
  await t.step("values are read singly as CSV has them", async () => {
    await withDatabase(attributesFor("PostgreSQL Unicode", server), async (database) => {
      await using rows = await database.query(typesQuery, { signal: AbortSignal.timeout(60_000) });
      const kinds = Object.fromEntries(rows.columns.map(({ name, kind }) => [name, kind]));
      assertEquals([
        kinds.big,
        kinds.exact,
        kinds.r,
        kinds.yes,
        kinds.day,
        kinds.at,
        kinds.wall,
        kinds.body,
        kinds.bytes,
      ], [
        ...["integer", "decimal", "float", "boolean", "date", "time", "timestamp", "text", "binary"],
      ]);
      const seen: string[] = [];
      let row4 = false;
      for await (const block of rows.blocks()) {
        for (let row = 0; row < block.rows; row++) {
          seen.push(rows.columns.map((_, column) => block.text(column, row) ?? "NULL").join("|"));
          if (block.integer(0, row) !== 1) continue;
          row4 = true;
          assertEquals(block.integer(1, row), -32768);
          assert(Number.isNaN(block.integer(3, row)), "beyond 2^53 there is no exact number");
          assertEquals(block.timeMs(11, row), Date.UTC(2024, 2, 31, 2, 30, 0) + 123.456);
          assertEquals(block.timeMs(9, row), Date.UTC(2024, 1, 29));
          assert(Number.isNaN(block.timeMs(12, row)), "a text that is no time");
        }
      }
      assert(row4);
      assertMatch(seen[0] ?? "", /^1\|-32768\|.*\|Grüße 😀\|a,b\|x"y\nz\|.*\|6d1b7a1c-93a5-4f0e-9c2a-0a1b2c3d4e5f$/);
      assertEquals(seen[2], `3${"|NULL".repeat(17)}`);
    });
  });
  await t.step("times with a zone keep their offset where asked for as text", async () => {
    await withDatabase(attributesFor("PostgreSQL Unicode", server), async (database) => {
      assertEquals(database.info.sessionTimeZone, "set");
      const plain = await csvOf(database, "select zoned from types where n < 3 order by n");
      assertEquals(plain.lines.slice(1), ["2024-10-27 02:30:00", "2024-10-27 02:30:00"]);
      const column = { name: "zoned", kind: "timestamp", typeName: "timestamptz" } as const;
      const asText = database.info.offsetText(column, '"zoned"');
      assertEquals(asText, 'CAST("zoned" AS text)');
      const options = { signal: AbortSignal.timeout(60_000), zonedColumns: new Set(["zoned"]) };
      await using rows = await database.query(`select ${asText} as zoned from types where n < 3 order by n`, options);
      const times: number[] = [];
      for await (const block of rows.blocks()) {
        for (let row = 0; row < block.rows; row++) times.push(block.timeMs(0, row));
      }
      assertEquals(times, [Date.UTC(2024, 9, 27, 0, 30), Date.UTC(2024, 9, 27, 1, 30)]);
    }, { timeZone: "Europe/Berlin" });
  });
  await t.step("parameters narrow a query by wall clock, instant, number and text", async () => {
    await withDatabase(attributesFor("PostgreSQL Unicode", server), async (database) => {
      const count = async (where: string, parameters: Parameters<typeof csvOf>[2]) =>
        (await csvOf(database, `select n from types where ${where} order by n`, parameters)).lines.slice(1).join();
      const wallClockMs = Date.UTC(2024, 2, 31, 2, 30);
      assertEquals(await count("wall > ?", { parameters: [{ type: "timestamp", wallClockMs }] }), "1,2");
      assertEquals(
        await count("wall >= ? and wall < ?", {
          parameters: [{ type: "timestamp", wallClockMs: wallClockMs + 123 }, {
            type: "timestamp",
            wallClockMs: wallClockMs + 124,
          }],
        }),
        "1",
      );
      const epochMs = Date.UTC(2024, 9, 27, 1, 0);
      assertEquals(await count("zoned > CAST(? AS timestamptz)", { parameters: [{ type: "instant", epochMs }] }), "2");
      assertEquals(await count("big = ?", { parameters: [{ type: "integer", value: 9007199254740993n }] }), "4");
      assertEquals(await count("short = ?", { parameters: [{ type: "text", value: "Grüße 😀" }] }), "1");
    });
  });
  await t.step("works under LANG=C and whatever the locale", async () => {
    for (const LC_ALL of ["C", "C.UTF-8"]) {
      const script = new URL("./print_csv.ts", import.meta.url).pathname;
      for (const driver of ["PostgreSQL Unicode", "PostgreSQL ANSI"]) {
        const output = await new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-check", script, typesQuery],
          env: { LC_ALL, LANG: LC_ALL, ATTRIBUTES: JSON.stringify(attributesFor(driver, server)) },
        }).output();
        assertEquals(new TextDecoder().decode(output.stderr), "");
        assertEquals(new TextDecoder().decode(output.stdout), [expectedHeader, ...expectedRows, ""].join("\r\n"));
      }
    }
  });
});

Deno.test("psqlodbc streams, stops and says what is wrong", async (t) => {
  await using server = await startPostgresql();
  const attributes = attributesFor("PostgreSQL Unicode", server);
  await server.sql("create table t as select i, 'Zeile '||i as text from generate_series(1, 30000) i");

  await t.step("many blocks in order, each row once", async () => {
    await withDatabase(attributes, async (database) => {
      const { lines, result } = await csvOf(database, "select i, text from t order by i", {
        previewRows: 2,
        chunkBytes: 4096,
      });
      assertEquals(result.rows, 30_000);
      assertEquals(lines.length, 30_001);
      lines.slice(1).forEach((line, index) => assertEquals(line, `${index + 1},Zeile ${index + 1}`));
      assertEquals(result.preview, [["1", "Zeile 1"], ["2", "Zeile 2"]]);
    });
  });
  await t.step("refused rows are left out, wherever the chunks end", async () => {
    await withDatabase(attributes, async (database) => {
      const { lines, result } = await csvOf(database, "select i, text from t order by i", {
        chunkBytes: 1000,
        check: (block, refused, firstRow) => {
          for (let row = 0; row < block.rows; row++) {
            assertEquals(block.integer(0, row), firstRow + row + 1);
            if ((firstRow + row) % 3 === 0) refused[row] = 1;
          }
        },
      });
      assertEquals([result.rows, result.rowsWritten, lines.length], [30_000, 20_000, 20_001]);
      assertEquals(lines[1], "2,Zeile 2");
    });
  });
  await t.step("texts of a megabyte, several to a block", async () => {
    await withDatabase(attributes, async (database) => {
      const { lines } = await csvOf(
        database,
        "select i, repeat('ü😀', 170000) || i as t from generate_series(1, 40) i",
      );
      assertEquals(lines.length, 41);
      lines.slice(1).forEach((line, index) => assert(line === `${index + 1},${"ü😀".repeat(170_000)}${index + 1}`));
    });
  });
  await t.step("a reader that stops early leaves a usable connection", async () => {
    await withDatabase(attributes, async (database) => {
      {
        await using rows = await database.query("select * from t", { signal: AbortSignal.timeout(60_000) });
        for await (const block of rows.blocks()) {
          assert(block.rows > 0);
          break;
        }
      }
      assertEquals((await csvOf(database, "select count(*) as n from t")).lines, ["n", "30000"]);
    });
  });
  await t.step("an abort cancels a query that is executing", async () => {
    await withDatabase(attributes, async (database) => {
      const sql = `select pg_sleep(${sleepSeconds}), 1`;
      await assertAborts((signal) => database.query(sql, { signal }), () => asleep(server));
      assertEquals((await csvOf(database, "select 1 as one")).lines, ["one", "1"]);
    });
  });
  await t.step("an abort cancels a fetch that is waiting", async () => {
    await withDatabase(attributes, async (database) => {
      const sleep = `case when i = 5000 then pg_sleep(${sleepSeconds})::text end`;
      const sql = `select i, ${sleep} s from generate_series(1, 9000) i`;
      let read = 0;
      const query = async (signal: AbortSignal) => {
        await using rows = await database.query(sql, { signal });
        for await (const block of rows.blocks()) read += block.rows;
      };
      await assertAborts(query, () => asleep(server));
      assert(read > 0 && read < 5000, `${read} rows were read`);
    });
  });
  await t.step("the time limit ends a query", async () => {
    await withDatabase(attributes, async (database) => {
      const error = await assertRejects(
        () => csvOf(database, "select pg_sleep(50)", { timeoutSeconds: 0.3 }),
        /HYT00.*0\.3 s.*index/,
      );
      assert(error instanceof OdbcError && error.kind === "timeout");
      assertEquals((await csvOf(database, "select 1 as one")).lines, ["one", "1"]);
    });
  });
  await t.step("nothing can be written, and no transaction stays open", async () => {
    await withDatabase(attributes, async (database) => {
      await assertRejects(() => csvOf(database, "insert into t values (0, 'x') returning i"), /read-only/i);
      await assertRejects(() => csvOf(database, "create table other (i int)"));
      await csvOf(database, "select 1");
      const open = await server.sql("select count(*) from pg_stat_activity where state like 'idle in transaction%'");
      assertEquals(open.trim(), "0");
    });
  });
  await t.step("errors name their cause and keep secrets", async () => {
    await withDatabase(attributes, async (database) => {
      const cases = [
        ["select nonsense from t", "missing-column", /42703|42S22/],
        ["select * from nowhere", "missing-table", /42P01|42S02/],
        ["selec 1", "syntax", /42601|42000/],
        ["select * from pg_authid; drop table t", "other", /./],
        ["select 1/0", "other", /22012/],
      ] as const;
      for (const [sql, kind, state] of cases) {
        const error = await assertRejects(() => csvOf(database, sql));
        if (kind === "other") continue;
        assert(error instanceof OdbcError, error.message);
        assertEquals(error.kind, kind, error.message);
        assertMatch(error.message, state);
      }
      assertEquals((await csvOf(database, "select count(*) as n from t")).lines, ["n", "30000"]);
    });
    const wrong = attributes.map((one) => one.key === "PWD" ? { key: "PWD", value: "wrong-secret" } : one);
    const login = await assertRejects(() => withDatabase(wrong, () => Promise.resolve()));
    assert(login instanceof OdbcError && login.kind === "login", login.message);
    assert(!login.message.includes("wrong-secret"));
    const closed = attributes.map((one) => one.key === "PORT" ? { key: "PORT", value: "1" } : one);
    const unreachable = await assertRejects(() => withDatabase(closed, () => Promise.resolve()), /firewall/);
    assert(unreachable instanceof OdbcError && unreachable.kind === "unreachable", unreachable.message);
    const missing = attributes.map((one) => one.key === "DRIVER" ? { key: "DRIVER", value: "Nonesuch" } : one);
    await assertRejects(
      () => withDatabase(missing, () => Promise.resolve()),
      /"Nonesuch".*registered are.*"PostgreSQL Unicode"/,
    );
  });
  await t.step("a server that goes away is told as such", async () => {
    await withDatabase(attributes, async (database) => {
      const rejected = assertRejects(() => csvOf(database, "select pg_sleep(3600)"));
      await untilAsleep(server);
      await endSleeping(server);
      const error = await rejected;
      assert(error instanceof OdbcError && error.kind === "connection-lost", error.message);
      assert(!(error instanceof LongValueError));
    });
  });
  const losses = {
    "whose session is ended": () => endSleeping(server),
    "that is killed": () => server.kill(),
  };
  for (const [loss, lose] of Object.entries(losses)) {
    await t.step(`rows from a server ${loss} are not taken for all of them`, async () => {
      await withDatabase(attributes, async (database) => {
        const sql = "select i, case when i > 250 then pg_sleep(600)::text end s from generate_series(1, 300) i";
        await using rows = await database.query(sql, { signal: AbortSignal.timeout(testTimeoutMs) });
        let read = 0;
        const error = await assertRejects(async () => {
          for await (const block of rows.blocks()) {
            read += block.rows;
            if (read < 50) continue;
            await untilAsleep(server);
            await lose();
          }
        });
        assert(read >= 50 && read <= 250, `${read} rows were read`);
        assert(error instanceof OdbcError && error.kind === "connection-lost", error.message);
      });
    });
  }
  await server.start();
});

const sleeping = "from pg_stat_activity where wait_event = 'PgSleep'";

/** How many queries sleep. */
async function asleep(server: TestServer): Promise<number> {
  return Number(await server.sql(`select count(*) ${sleeping}`));
}

async function untilAsleep(server: TestServer): Promise<void> {
  await eventually(async () => await asleep(server) === 1, { what: "a query to sleep" });
}

async function endSleeping(server: TestServer): Promise<void> {
  await server.sql(`select pg_terminate_backend(pid) ${sleeping}`);
}
