import fc from "fast-check";
import {
  assertRegistered,
  formatConnectionString,
  parseConnectionString,
  secretsOf,
} from "../../src/odbc/connection_string.ts";
import { attributesFromParts, chooseDriver } from "../../src/odbc/connection_parts.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";

const registered = { drivers: ["PostgreSQL Unicode", "FreeTDS"], dataSources: [{ name: "acd" }] };

Deno.test("connection strings are read with braces, spaces and repeated keys", () => {
  assertEquals(parseConnectionString(" DRIVER={My ; Driver}; pwd={a;b}}c} ;SERVER=h\\i,1433;PWD=later;EMPTY=;"), [
    { key: "DRIVER", value: "My ; Driver" },
    { key: "pwd", value: "a;b}c" },
    { key: "SERVER", value: "h\\i,1433" },
    { key: "EMPTY", value: "" },
  ]);
});

Deno.test("a connection string that cannot be read is refused without showing its values", async () => {
  for (const text of ["PWD={topsecret", "PWD={topsecret}x;", "topsecret", "A=1;topsecret;B=2", "PWD=topsecret\0"]) {
    const error = await assertRejects(() => parseConnectionString(text), /Cannot read the connection string/);
    assert(!error.message.includes("topsecret"), error.message);
  }
});

Deno.test("any values survive being written and read", () => {
  const value = fc.string({ unit: "binary", maxLength: 40 }).filter((text) => !text.includes("\0"));
  fc.assert(fc.property(value, value, (user, password) => {
    const attributes = [{ key: "DRIVER", value: "x" }, { key: "UID", value: user }, { key: "PWD", value: password }];
    assertEquals(parseConnectionString(formatConnectionString(attributes)), attributes);
  }));
});

Deno.test("passwords and tokens are secrets", () => {
  assertEquals(secretsOf(parseConnectionString("DSN=acd;UID=u;PWD={geheim};AccessToken=abc")), ["geheim", "abc"]);
});

Deno.test("only registered names are accepted, by driver and by data source", async () => {
  const check = (text: string) => assertRegistered(parseConnectionString(text), registered);
  check("driver={postgresql unicode};SERVER=h");
  check("DSN=ACD;DELIMIDENT=y;");
  await assertRejects(() => check("DRIVER=/tmp/evil.so"), /a path could run any code.*"PostgreSQL Unicode", "FreeTDS"/);
  await assertRejects(() => check("DRIVER={C:\\evil.dll}"), /a path could run any code/);
  await assertRejects(() => check("DRIVER=evil"), /Cannot find the ODBC driver "evil"/);
  await assertRejects(() => check("DSN=other"), /Cannot find the ODBC data source "other": registered are "acd"/);
  await assertRejects(() => check("SERVER=h"), /needs DRIVER=.* or DSN=/);
  for (const key of ["FILEDSN", "SaveFile", "TranslationDLL", "plugin_dir", "LoadExt"]) {
    await assertRejects(() => check(`DRIVER=FreeTDS;${key}=/tmp/x`), new RegExp(`Cannot use "${key}"`));
  }
});

Deno.test("the best installed driver is chosen, the newest of its kind", async () => {
  const installed = [
    "SQL Server",
    "ODBC Driver 9 for SQL Server",
    "ODBC Driver 18 for SQL Server",
    "ODBC Driver 17 for SQL Server",
    "FreeTDS",
    "MySQL ODBC 8.0 ANSI Driver",
    "MySQL ODBC 8.0 Unicode Driver",
    "MySQL ODBC 9.1 Unicode Driver",
    "PostgreSQL ANSI(x64)",
    "PostgreSQL Unicode(x64)",
  ];
  assertEquals(chooseDriver("mssql", installed), "ODBC Driver 18 for SQL Server");
  assertEquals(chooseDriver("mssql", ["SQL Server", "FreeTDS"]), "FreeTDS");
  assertEquals(chooseDriver("mysql", installed), "MySQL ODBC 9.1 Unicode Driver");
  assertEquals(chooseDriver("mysql", [...installed, "MariaDB Unicode"]), "MariaDB Unicode");
  assertEquals(chooseDriver("postgresql", installed), "PostgreSQL Unicode(x64)");
  assertEquals(chooseDriver("postgresql", ["PostgreSQL ANSI"]), "PostgreSQL ANSI");
  await assertRejects(() => chooseDriver("mssql", ["SQLite3"]), /installed are SQLite3\. Install .*msodbcsql18/);
  await assertRejects(() => chooseDriver("mysql", []), /none is installed/);
});

Deno.test("strings from parts: ports, named instances, and who has no user", () => {
  const installed = ["ODBC Driver 18 for SQL Server", "MariaDB Unicode", "PostgreSQL Unicode"];
  const from = (database: Parameters<typeof attributesFromParts>[0], parts: Record<string, unknown>) =>
    formatConnectionString(
      attributesFromParts(database, { parts: { host: "h", database: "d", ...parts }, installed }),
    );
  assertEquals(
    from("mssql", { host: "h\\inst", user: "u", password: "a;b}" }),
    "DRIVER={ODBC Driver 18 for SQL Server};SERVER=h\\inst;DATABASE=d;UID=u;PWD={a;b}}};",
  );
  assertMatch(from("mssql", { port: 1444, user: "u" }), /SERVER=\{h,1444\};/);
  assertMatch(from("mssql", { user: "u", trustServerCertificate: true }), /;TrustServerCertificate=yes;/);
  assertMatch(from("mysql", { user: "u", trustServerCertificate: true }), /UID=u;$/);
  assertMatch(from("mssql", {}), /Trusted_Connection=yes/);
  assertMatch(from("mysql", { user: "u" }), /SERVER=h;PORT=3306;DATABASE=d;UID=u;/);
  assertMatch(from("postgresql", { port: 6432 }), /SERVER=h;PORT=6432;DATABASE=d;$/);
});
