import { databaseIdentity } from "../../src/cli/run/database_identity.ts";
import { databaseSource, type StoredSettings } from "../../src/hub/settings/database_settings.ts";
import type { SecretBox } from "../../src/hub/settings/secret_box.ts";
import type { DatabaseSource, KnownConnection } from "../../src/protocol/database.ts";
import { assert, assertEquals } from "../assert.ts";

function identity(connection: KnownConnection, databaseType: DatabaseSource["databaseType"] = "postgresql") {
  return databaseIdentity(connection, { databaseType, folder: "/opt/link" });
}

const parts = { by: "parts", host: "db.example", database: "acd", user: "u", password: "geheim" } as const;
const stored: Omit<StoredSettings, "secret"> = {
  databaseType: "odbc",
  host: null,
  port: null,
  database: null,
  user: null,
  trustServerCertificate: false,
  file: null,
  kept: false,
  dataType: "contact",
  intervalMinutes: null,
  timeZone: "UTC",
  query: "SELECT 1",
  everyMinutes: 15,
  realTime: false,
  reconciliation: true,
  history: null,
};
const string = (connectionString: string): KnownConnection => ({ by: "connectionString", connectionString });

Deno.test("another server, port, database, data source or file is another database", () => {
  for (const change of [{ host: "db2.example" }, { port: 5433 }, { database: "acd2" }]) {
    assert(identity({ ...parts, ...change }) !== identity(parts));
  }
  const strings = ["DSN=a", "DSN=b", "DRIVER=x;SERVER=a;PORT=1", "DRIVER=x;SERVER=a;PORT=2", "DRIVER=x;HOST=a;DBQ=c"];
  assertEquals(new Set(strings.map((one) => identity(string(one), "odbc"))).size, strings.length);
  assert(identity({ by: "file", file: "a.db" }, "sqlite") !== identity({ by: "file", file: "b.db" }, "sqlite"));
});

Deno.test("user, password, driver, options and other ways to write it make no other database", () => {
  for (const change of [{ user: "v" }, { password: "new" }, { port: 5432 }, { host: "DB.example" }]) {
    assertEquals(identity({ ...parts, ...change }), identity(parts));
  }
  assertEquals(
    identity(string("DRIVER={PostgreSQL Unicode};Server=db.example;Port=5432;Database=acd;UID=u;PWD={geheim}"), "odbc"),
    identity(parts),
  );
  assertEquals(
    identity({ by: "file", file: "/opt/link/a.db" }, "sqlite"),
    identity({ by: "file", file: "a.db" }, "sqlite"),
  );
  assert(!identity(parts)?.includes("geheim"));
  assertEquals(identity(string("no key"), "odbc"), undefined);
});

Deno.test("a connection string that the hub can no longer read is not another database", () => {
  const box: SecretBox = { seal: (text) => text, open: () => undefined };
  const source = databaseSource({ ...stored, secret: "sealed with a lost key" }, { box, integrationId: "i1" });
  assert(source.connection.by === "connectionString");
  assertEquals(identity(source.connection, "odbc"), undefined);
});
