/** What a hub that has turned hostile can do through a compiled agent, field by field of what it says: SQL, and nothing else. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { startHostileHub } from "./hostile_hub.ts";
import { Installation } from "./installation.ts";

const marker = "STRENG-GEHEIM";

/** Counts who connects, and hangs up. */
function canary() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const seen: string[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      seen.push(`${(connection.remoteAddr as Deno.NetAddr).port}`);
      connection.close();
    }
  })();
  return {
    port: listener.addr.port,
    seen,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

/** An SQLite file with the marker in it. */
function writeSecretDatabase(path: string): void {
  using database = new DatabaseSync(path);
  database.exec(
    `CREATE TABLE calls (q TEXT, t TEXT); INSERT INTO calls VALUES ('${marker}', datetime('now', '-5 minutes'))`,
  );
}

const query = "SELECT q AS queueidentifier, q AS queuename, t AS timestamp, 1 AS answered FROM calls";
const base = {
  type: "database",
  dataType: "contact",
  timeZone: "UTC",
  query,
  everyMinutes: 15,
  historyFrom: null,
  reconciliation: false,
  realTime: false,
} as const;

Deno.test("a hostile hub reads no file, reaches no host and runs no program through an agent", async (step) => {
  const outside = await Deno.makeTempDir({ prefix: "cloud-link-outside-" });
  try {
    await using hub = startHostileHub();
    await using other = canary();
    await using installation = await Installation.make(hub.url);
    writeSecretDatabase(join(outside, "secret.db"));
    writeSecretDatabase(installation.path("own.db"));
    await Deno.symlink(join(outside, "secret.db"), installation.path("link.db"));
    await Deno.symlink(outside, installation.path("folder"));
    await Deno.writeTextFile(join(outside, "evil.so"), "no library");
    await using agent = installation.start();
    await agent.waitFor(/Linked to the integration/);
    const dump = join(outside, "dump");

    await step.step("an SQLite file of its own folder is read: the tests below would see it", async () => {
      const answer = await hub.test({ ...base, databaseType: "sqlite", connection: { by: "file", file: "own.db" } });
      assertEquals(answer.ok, true, answer.message);
      assert(JSON.stringify(answer.preview).includes(marker));
    });

    const parts = { by: "parts", host: "127.0.0.1", port: other.port, database: "x", user: "u", password: "p" };
    const bad = `u};PORT=${other.port};DumpFile=${dump};x={y`;
    const odbc = (connectionString: string) => ({
      databaseType: "odbc",
      connection: { by: "connectionString", connectionString },
    });
    const file = (name: string) => ({ databaseType: "sqlite", connection: { by: "file", file: name } });
    const own = file("own.db");
    const hostile: Record<string, Record<string, unknown>> = {
      "file elsewhere": file(join(outside, "secret.db")),
      "file above": file(`../${outside.split("/").at(-1)}/secret.db`),
      "file by a link": file("link.db"),
      "file by a linked folder": file("folder/secret.db"),
      "file of the state": file("state/state.db"),
      "file that is an address": file(`file://${outside}/secret.db?mode=rw`),
      "file that is a process": file("/proc/self/environ"),
      "file that is no database": file("injixo-cloud-link.toml"),
      "file with a name of 4096 characters": file(`${"a/".repeat(2047)}aa`),
      "driver by path": odbc(`DRIVER=${outside}/evil.so;SERVER=h`),
      "driver with a file": odbc(`DRIVER={SQLite3};Database=${outside}/secret.db`),
      "driver with a dump": odbc(`DRIVER={FreeTDS};SERVER=127.0.0.1;PORT=${other.port};UID=u;PWD=p;DumpFile=${dump}`),
      "driver with a setup": odbc(`DRIVER={PostgreSQL Unicode};SERVER=127.0.0.1;pqopt={sslkey=${outside}/secret.db}`),
      "file with a connection": odbc(`FILEDSN=${outside}/secret.db`),
      "trace": odbc(`DRIVER={PostgreSQL Unicode};SERVER=127.0.0.1;Trace=Yes;TraceFile=${dump}`),
      "host": { databaseType: "mssql", connection: { ...parts, host: `h;Driver=${outside}/evil.so` } },
      "host that is a pipe": {
        databaseType: "mssql",
        connection: { ...parts, host: "\\\\127.0.0.1\\pipe\\sql\\query" },
      },
      "host that is a socket": { databaseType: "postgresql", connection: { ...parts, host: outside } },
      "database": { databaseType: "mssql", connection: { ...parts, database: bad } },
      "user": { databaseType: "mssql", connection: { ...parts, user: bad } },
      "password": { databaseType: "mysql", connection: { ...parts, password: bad } },
      "kept, which it is not": { databaseType: "postgresql", connection: { by: "kept" } },
      "query that attaches": { ...own, query: `ATTACH '${outside}/secret.db' AS b` },
      "query with a second statement": { ...own, query: `${query}; ATTACH '${outside}/secret.db' AS b` },
      "query that loads code": { ...own, query: `SELECT load_extension('${outside}/evil.so') AS queueidentifier` },
      "query that reads a file": { ...own, query: `SELECT readfile('${outside}/secret.db') AS queueidentifier` },
      "query that writes a file": { ...own, query: `SELECT writefile('${dump}', 'x') AS queueidentifier` },
      "query that breaks out": { ...own, query: `${query}) AS w; VACUUM INTO '${dump}'; --` },
      "query of 64 KiB of parentheses": { ...own, query: `SELECT ${"(".repeat(65_000)}` },
      "time zone": { ...own, timeZone: "'; DROP TABLE calls; --" },
    };
    for (const [name, source] of Object.entries(hostile)) {
      await step.step(name, async () => {
        const answer = await hub.test({ ...base, ...source });
        assertEquals([answer.ok, answer.preview], [false, undefined], answer.message);
        for (const secret of [marker, "HOME="]) assert(!answer.message.includes(secret), answer.message);
      });
    }
    assertEquals(other.seen, [], "someone was reached");

    await step.step("an assignment of that kind ends neither the agent nor its link", async () => {
      hub.assign({ source: { ...base, ...own, timeZone: "Nowhere/Land" }, requests: [] });
      await agent.waitFor(/time zone "Nowhere\/Land" is not known/);
      hub.assign({ source: { ...base, ...file(join(outside, "secret.db")) }, requests: [] });
      await agent.waitFor(/it is neither in the installation folder nor in the import folder/);
      const answer = await hub.test({ ...base, ...own });
      assertEquals(answer.ok, true, answer.message);
    });

    await step.step("parts are sent to no other place", async () => {
      // The wait before the next attempt grows: what other addresses come to is tested at the relay.
      const elsewhere = [
        `http://127.0.0.1:${other.port}/`,
        "http://169.254.169.254/latest/meta-data/",
        `file://${dump}`,
      ];
      const content = crypto.getRandomValues(new Uint8Array(65_536));
      hub.addressOfParts = (url) => ({ url: `${url}/redirect?to=http://127.0.0.1:${other.port}/`, headers: {} });
      hub.assign({ source: { type: "csv" }, requests: [] });
      await installation.drop("calls.csv", new Uint8Array(Array.from({ length: 5 }, () => [...content]).flat()));
      await hub.askedAgain(0);
      for (const url of elsewhere) {
        hub.addressOfParts = () => ({ url, headers: { Host: "evil.example", Authorization: "x" } });
        await hub.askedAgain(hub.addressesAsked);
      }
    });

    assertEquals(other.seen, [], "someone was reached");
    const left = (await Array.fromAsync(Deno.readDir(outside))).map(({ name }) => name).sort();
    assertEquals(left, ["evil.so", "secret.db"]);
    const log = await installation.log();
    assert(!log.includes(marker));
    // The account's name cannot forge a line.
    assert(!/^2026-01-01 root/m.test(log) && !log.includes("\x1b"));
    assertMatch(log, /Linked to the integration/);
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
});
