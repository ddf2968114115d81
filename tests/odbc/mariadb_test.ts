/** ODBC against a real MariaDB, by Debian's Connector/ODBC. */
import type { Database } from "../../src/database/row_source.ts";
import { OdbcError } from "../../src/odbc/diagnostics.ts";
import { driverProfile } from "../../src/odbc/driver_profile.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { startMariadb } from "../databases/mariadb.ts";
import { assertAborts, sleepSeconds } from "./assert_aborts.ts";
import { attributesFor, csvOf, withDatabase } from "./open.ts";

const typesTable = `
create table types (
  n int, tiny tinyint, whole bigint, nosign bigint unsigned, exact decimal(38,10), r float, d double, b1 bit(1), yes boolean,
  day date, at time(6), wall datetime(6), stamp timestamp null, short varchar(20), padded char(5), body text, big longtext,
  bytes varbinary(20), picture longblob, choice enum('eins','zwei'), id char(36));
set time_zone = '+00:00';
insert into types values
 (1, -128, -9223372036854775808, 18446744073709551615, -9999999999999999999999999999.9999999999, 1.1, 0.1, b'1', true,
  '2024-02-29', '-838:59:59.5', '2024-03-31 02:30:00.123456', '2024-10-27 00:30:00', 'Grüße 😀', 'ab', 'a,b', 'x"y\\nz',
  x'00ff10', x'', 'zwei', '6d1b7a1c-93a5-4f0e-9c2a-0a1b2c3d4e5f'),
 (2, 127, 9223372036854775807, 0, 0.1, 16777216, 1e300, b'0', false, '1000-01-01', '00:00:00', '9999-12-31 23:59:59.5',
  '1970-01-01 00:00:01', '', '', '', '', '', repeat('a', 100000), 'eins', ''),
 (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null),
 (4, 0, 9007199254740993, 1, 0, -0.5, 1e-300, b'1', true, '2024-12-31', '12:00:00.000001', '2024-12-31 12:00:00', null,
  repeat('😀', 20), 'äöüß', repeat('ü', 3000), repeat('€"', 400000), repeat('a', 20), null, null, null);
`;

const expected = [
  "n,tiny,whole,nosign,exact,r,d,b1,yes,day,at,wall,short,padded,body,big,bytes,picture,choice,id",
  "1,-128,-9223372036854775808,18446744073709551615,-9999999999999999999999999999.9999999999,1.1,0.1,1,1,2024-02-29," +
  '-838:59:59.500000,2024-03-31 02:30:00.123456,Grüße 😀,ab,"a,b","x""y\nz",AP8Q,"",zwei,' +
  "6d1b7a1c-93a5-4f0e-9c2a-0a1b2c3d4e5f",
  "2,127,9223372036854775807,0,0.1000000000,16777216,1e+300,0,0,1000-01-01,00:00:00.000000,9999-12-31 23:59:59.5," +
  `"","","","","",${"YWFh".repeat(33_333)}YQ==,eins,""`,
  "3" + ",".repeat(19),
  `4,0,9007199254740993,1,0.0000000000,-0.5,1e-300,1,1,2024-12-31,12:00:00.000001,2024-12-31 12:00:00,${
    "😀".repeat(20)
  },` +
  `äöüß,${"ü".repeat(3000)},"${'€""'.repeat(400_000)}",${"YWFh".repeat(6)}YWE=,,,`,
];

/** What a driver that holds whole results says of itself, by its version. */
function heldRemarks({ info }: Database): string[] {
  const version = /libmaodbc\.so (\S+)\)/.exec(info.description)?.[1] ?? "";
  assertEquals(info.holdsResults, version < "03.01.0017");
  return info.holdsResults ? [driverProfile("MariaDB").streamsFrom?.remark ?? ""] : [];
}

Deno.test("MariaDB's driver gives every type exactly, streams, stops and says what is wrong", async (t) => {
  await using server = await startMariadb();
  await server.sql(typesTable);
  const attributes = attributesFor("MariaDB Unicode", server);
  const sql =
    "select n, tiny, whole, nosign, exact, r, d, b1, yes, day, at, wall, short, padded, body, big, bytes, picture, choice, id from types order by n";

  await t.step("every type, with long columns in between", async () => {
    await withDatabase(attributes, async (database) => {
      assertMatch(database.info.description, /^MariaDB 10/);
      assertEquals(database.info.remarks, heldRemarks(database));
      const { lines, csv } = await csvOf(database, sql);
      assertEquals(lines[0], expected[0]);
      assertEquals(csv, [...expected, ""].join("\r\n"));
    });
  });
  await t.step("every type that is not long, in blocks", async () => {
    await withDatabase(attributes, async (database) => {
      const { lines } = await csvOf(database, sql.replace("body, big,", "").replace("picture,", ""));
      assertEquals(lines[1], expected[1]?.replace('"a,b","x""y\nz",', "").replace('AP8Q,""', "AP8Q"));
      assertEquals(lines[3], "3" + ",".repeat(16));
    });
  });
  await t.step("a connection whose character set is not UTF-8", async () => {
    await withDatabase([...attributes, { key: "CHARSET", value: "latin1" }], async (database) => {
      assertEquals((await csvOf(database, "select 'Köln' as name")).lines, ["name", "Köln"]);
    });
  });
  await t.step("LANG=C", async () => {
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", new URL("./print_csv.ts", import.meta.url).pathname, sql],
      env: { LC_ALL: "C", LANG: "C", ATTRIBUTES: JSON.stringify(attributes) },
    }).output();
    assertEquals(new TextDecoder().decode(output.stderr), "");
    assertEquals(new TextDecoder().decode(output.stdout), [...expected, ""].join("\r\n"));
  });
  await t.step("the session's time zone, when the server knows it", async () => {
    await withDatabase(attributes, async (database) => {
      assertEquals(database.info.sessionTimeZone, "set");
      assertEquals((await csvOf(database, "select stamp from types where n = 1")).lines[1], "2024-10-27 02:30:00");
    }, { timeZone: "+02:00" });
    await withDatabase(attributes, (database) => {
      assertEquals(database.info.sessionTimeZone, "as-is");
      assertMatch(database.info.remarks.join(), /time zone could not be set.* Load the time zones into the server/);
      return Promise.resolve();
    }, { timeZone: "Europe/Berlin" });
    await withDatabase(attributes, (database) => {
      assertEquals(database.info.sessionTimeZone, "set");
      assertEquals(database.info.remarks, heldRemarks(database));
      return Promise.resolve();
    }, { timeZone: "Etc/UTC" });
  });
  await t.step("parameters", async () => {
    await withDatabase(attributes, async (database) => {
      const wallClockMs = Date.UTC(2024, 2, 31, 2, 30);
      const { lines } = await csvOf(database, "select n from types where wall > ? and short = ? and whole < ?", {
        parameters: [
          { type: "timestamp", wallClockMs },
          { type: "text", value: "Grüße 😀" },
          { type: "integer", value: 0n },
        ],
      });
      assertEquals(lines, ["n", "1"]);
    });
  });
  await t.step("many blocks in order, each row once", async () => {
    await withDatabase(attributes, async (database) => {
      const { lines } = await csvOf(
        database,
        "select seq, concat('Zeile ', seq) as z from seq_1_to_30000 order by seq",
      );
      assertEquals(lines.length, 30_001);
      lines.slice(1).forEach((line, index) => assertEquals(line, `${index + 1},Zeile ${index + 1}`));
    });
  });
  await t.step("an abort cancels a query that is executing, and one that is being fetched", async () => {
    await withDatabase(attributes, async (database) => {
      const asleep = async () =>
        Number(await server.sql("select count(*) from information_schema.processlist where state = 'User sleep'"));
      const sleep = `sleep(${sleepSeconds})`;
      for (const sql of [`select ${sleep}`, `select seq, if(seq = 3000, ${sleep}, 0) s from seq_1_to_9000`]) {
        await assertAborts((signal) => csvOf(database, sql, { signal }), asleep);
        assertEquals((await csvOf(database, "select 1 as one")).lines, ["one", "1"]);
      }
    });
  });
  await t.step("the time limit", async () => {
    await withDatabase(attributes, async (database) => {
      const error = await assertRejects(() =>
        csvOf(database, "select count(*) from seq_1_to_100000000 a where seq % 7 = sleep(0)", { timeoutSeconds: 0.5 })
      );
      assert(error instanceof OdbcError && error.kind === "timeout", error.message);
      assertEquals((await csvOf(database, "select 1 as one")).lines, ["one", "1"]);
    });
  });
  await t.step("nothing can be written", async () => {
    await withDatabase(attributes, async (database) => {
      await assertRejects(() => csvOf(database, "insert into types (n) values (9) returning n"), /READ ONLY/);
    });
    assertEquals((await server.sql("select count(*) from types")).trim(), "4");
  });
  await t.step("errors name their cause and keep secrets", async () => {
    await withDatabase(attributes, async (database) => {
      const cases = [
        ["select nonsense from types", "missing-column"],
        ["select * from nowhere", "missing-table"],
        ["selec 1", "syntax"],
      ] as const;
      for (const [wrong, kind] of cases) {
        const error = await assertRejects(() => csvOf(database, wrong));
        assert(error instanceof OdbcError && error.kind === kind, error.message);
      }
    });
    const wrong = attributes.map((one) => one.key === "PWD" ? { key: "PWD", value: "wrong-secret" } : one);
    const login = await assertRejects(() => withDatabase(wrong, () => Promise.resolve()));
    assert(login instanceof OdbcError && login.kind === "login", login.message);
    assert(!login.message.includes("wrong-secret"));
    const closed = attributes.map((one) => one.key === "PORT" ? { key: "PORT", value: "1" } : one);
    const unreachable = await assertRejects(() => withDatabase(closed, () => Promise.resolve()));
    assert(unreachable instanceof OdbcError && unreachable.kind === "unreachable", unreachable.message);
  });
});
