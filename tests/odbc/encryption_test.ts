/** Connections to a server that has TLS, and to one that takes nothing else. */
import { attributesFromParts } from "../../src/odbc/connection_parts.ts";
import type { Attributes } from "../../src/odbc/connection_string.ts";
import { OdbcError } from "../../src/odbc/diagnostics.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { startPostgresql } from "../databases/postgresql.ts";
import { run } from "../databases/process.ts";
import { attributesFor, csvOf, withDatabase } from "./open.ts";

async function isEncrypted(attributes: Attributes): Promise<string | undefined> {
  const sql = "select ssl::int as ssl from pg_stat_ssl where pid = pg_backend_pid()";
  return await withDatabase(attributes, async (database) => (await csvOf(database, sql)).lines[1]);
}

Deno.test("PostgreSQL is reached by TLS where the server has it, also where it takes nothing else", async () => {
  await using server = await startPostgresql();
  const { host, port, database, user, password } = server;
  const parts = attributesFromParts("postgresql", {
    parts: { host, port, database, user, password },
    installed: ["PostgreSQL Unicode"],
  });
  assertEquals(await isEncrypted(parts), "0");

  const data = (await server.sql("show data_directory")).trim();
  await run([
    ...["openssl", "req", "-new", "-x509", "-days", "2", "-nodes", "-subj", "/CN=database.example"],
    ...["-out", `${data}/server.crt`, "-keyout", `${data}/server.key`],
  ]);
  await run(["chmod", "600", `${data}/server.key`]);
  await run(["chown", `--reference=${data}/postgresql.conf`, `${data}/server.key`, `${data}/server.crt`]);
  await Deno.writeTextFile(`${data}/postgresql.conf`, "ssl = on\n", { append: true });
  await Deno.writeTextFile(`${data}/pg_hba.conf`, "hostssl all all all scram-sha-256\n");
  await server.kill();
  await server.start();
  assertEquals(await isEncrypted(parts), "1");
  assertEquals(await isEncrypted(attributesFor("PostgreSQL Unicode", server)), "1");

  const refusal = async (more: Attributes) => {
    const error = await assertRejects(() => isEncrypted([...attributesFor("PostgreSQL Unicode", server), ...more]));
    assert(error instanceof OdbcError);
    return error;
  };
  for (const key of ["sslmode", "CA"]) {
    const value = key === "CA" ? "d" : "disable";
    const error = await refusal([{ key, value }]);
    assertEquals(error.kind, "not-admitted", error.message);
    assertMatch(error.message, /add a line to pg_hba\.conf/);
  }
  const unverified = await refusal([{ key: "SSLmode", value: "verify-full" }]);
  assertEquals(unverified.kind, "encryption", unverified.message);
});
