import { databaseIdentity } from "../../src/cli/run/database_identity.ts";
import type { DatabaseSource, KnownConnection } from "../../src/protocol/database.ts";
import { assert, assertEquals } from "../assert.ts";

function identity(connection: KnownConnection, databaseType: DatabaseSource["databaseType"] = "postgresql") {
  return databaseIdentity(connection, { databaseType, folder: "/opt/link" });
}

const parts = { by: "parts", host: "db.example", database: "acd", user: "u", password: "geheim" } as const;
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
