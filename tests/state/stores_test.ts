import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SpoolIndex } from "../../src/spool/spool_index.ts";
import { readLink, writeAssignment, writeLink } from "../../src/state/link_store.ts";
import { readIdentity, writeIdentity } from "../../src/state/identity.ts";
import { csvLedger, forgetCsvContent } from "../../src/state/csv_ledger.ts";
import { integrationKey, lastImport, lastSequence, raiseSequence, recordImport } from "../../src/state/integration.ts";
import { acknowledgedOrder, migrations } from "../../src/state/migrations.ts";
import { openStateDatabase, type StateDatabase } from "../../src/state/state_database.ts";
import { windowLedger } from "../../src/state/window_ledger.ts";
import { startState } from "../../src/source/read_state.ts";
import type { Assignment } from "../../src/protocol/assignment.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { captureLog } from "../fakes/captured_log.ts";

function withDatabase(act: (database: StateDatabase) => void | Promise<void>): () => Promise<void> {
  return async () => {
    using database = openStateDatabase(":memory:");
    await act(database);
  };
}

const named = (id: string) => ({ id, name: id });
const link = (id: string) => ({ id, account: named("account"), integration: named("integration") });
const assignment = (linkId: string): Assignment => ({
  link: link(linkId),
  paused: false,
  source: { type: "csv" },
  requests: [],
  received: { count: 0 },
});

Deno.test("a password of an assignment is nowhere in the state once the link has ended", async () => {
  const folder = await Deno.makeTempDir();
  try {
    using database = openStateDatabase(join(folder, "state.db"));
    const isThere = () =>
      [...Deno.readDirSync(folder)].some(({ name }) =>
        new TextDecoder().decode(Deno.readFileSync(join(folder, name))).includes("secret word")
      );
    writeLink(database, link("first"));
    writeAssignment(database, withPassword("first", "secret word"));
    assertEquals(isThere(), true);
    writeLink(database, undefined);
    assertEquals(isThere(), false);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function withPassword(linkId: string, password: string): Assignment {
  return {
    ...assignment(linkId),
    source: {
      type: "database",
      databaseType: "postgresql",
      connection: { by: "parts", host: "db.example", database: "calls", user: "reader", password },
      dataType: "contact",
      timeZone: "UTC",
      query: `SELECT ${"1, ".repeat(2000)} 1`,
      everyMinutes: 15,
      historyFrom: null,
      reconciliation: true,
      realTime: false,
    },
  };
}

Deno.test(
  "identity keeps its key when the registration is forgotten",
  withDatabase((database) => {
    assertEquals(readIdentity(database), undefined);
    const privateKey = { kty: "EC", d: "x" };
    const registration = { clientId: "client-1", hubUrl: "https://hub.example" };
    writeIdentity(database, { privateKey, registration });
    assertEquals(readIdentity(database), { privateKey, registration });
    writeIdentity(database, { privateKey, registration: undefined });
    assertEquals(readIdentity(database), { privateKey, registration: undefined });
  }),
);

Deno.test(
  "link store keeps the assignment of the current link, and of no other",
  withDatabase((database) => {
    assertEquals(readLink(database), undefined);
    writeLink(database, link("first"));
    writeAssignment(database, assignment("first"));
    assertEquals(readLink(database)?.assignment, assignment("first"));
    const renamed = { ...link("first"), integration: { ...link("first").integration, name: "Renamed" } };
    writeLink(database, renamed);
    assertEquals(readLink(database), {
      link: renamed,
      assignment: assignment("first"),
    });
    writeLink(database, link("second"));
    assertEquals(readLink(database), { link: link("second"), assignment: undefined });
    writeAssignment(database, assignment("first"));
    assertEquals(readLink(database), { link: link("second"), assignment: undefined });
    writeLink(database, undefined);
    assertEquals(readLink(database), undefined);
  }),
);

Deno.test(
  "link store continues above the sequence numbers that the hub has of this integration, never below its own",
  withDatabase((database) => {
    writeLink(database, link("first"));
    const key = integrationKey(database, { accountId: "account", integrationId: "integration" });
    raiseSequence(database, key, 5);
    const told = (sequence?: number) => {
      const received = { count: 1, ...(sequence === undefined ? {} : { sequence }) };
      writeAssignment(database, { ...assignment("first"), received });
      return lastSequence(database, key);
    };
    assertEquals([told(), told(3), told(17), told(4)], [5, 5, 17, 17]);
  }),
);

Deno.test(
  "link store has everything read again when the epoch becomes another one, not when it becomes known",
  withDatabase(async (database) => {
    using log = await captureLog();
    writeLink(database, link("first"));
    const key = integrationKey(database, { accountId: "account", integrationId: "integration" });
    const ledger = windowLedger(database, key);
    const told = (epoch?: number) => {
      writeAssignment(database, { ...assignment("first"), ...(epoch === undefined ? {} : { epoch }) });
      return ledger.progress()?.state.pending;
    };
    assertEquals(told(1), undefined);
    const read = { fromMs: 100, toMs: 300 };
    const progress = { fingerprint: "f", database: "d", historyFromMs: null, lastRegularMs: 1, accepted: "f" };
    const state = { ...startState, liveToMs: read.toMs, liveSinceMs: read.fromMs };
    ledger.setProgress({ ...progress, state });
    ledger.record({ ...read, sha256: "s", rows: 1, refused: 0, batchId: "b", readAtMs: 1 });
    assertEquals([told(1), told(), told(1)], [[], [], []]);
    assertEquals([ledger.isUnchanged(read, "s"), log.lines()], [true, []]);
    assertEquals(told(2), [read]);
    assertEquals([ledger.isUnchanged(read, "s"), log.lines().length], [false, 1]);
    assertEquals(ledger.progress(), { ...progress, lastRegularMs: null, state: { ...state, pending: [read] } });
    ledger.setProgress({ ...progress, historyFromMs: 50, state: { ...state, pending: [{ fromMs: 50, toMs: 70 }] } });
    assertEquals(told(3), [{ fromMs: 50, toMs: 300 }]);
  }),
);

Deno.test(
  "link store gives up an assignment of a shape that it does not know, not the link",
  withDatabase((database) => {
    writeLink(database, link("first"));
    database.run("UPDATE link SET assignment = '{}'");
    assertEquals(readLink(database), { link: link("first"), assignment: undefined });
  }),
);

Deno.test(
  "ledger knows a content whatever the file's name, for its integration only",
  withDatabase((database) => {
    const one = csvLedger(database, integrationKey(database, { accountId: "a", integrationId: "1" }));
    const two = csvLedger(database, integrationKey(database, { accountId: "a", integrationId: "2" }));
    const file = { path: "/x/a.csv", bytes: 3, modifiedMs: 1.5, inode: "7", sha256: "abc" };
    one.record(file, { at: 1 });
    one.record({ ...file, path: "/x/b.csv" }, { at: 2 });
    assertEquals([one.hasContent("abc"), two.hasContent("abc")], [true, false]);
    assertEquals(one.file("/x/a.csv"), file);
    assertEquals(two.file("/x/a.csv"), undefined);
    one.forgetFiles((path) => path !== "/x/a.csv");
    assertEquals([one.file("/x/a.csv"), one.hasContent("abc")], [undefined, true]);
  }),
);

Deno.test(
  "ledger forgets a content, and its files when they are to be read again",
  withDatabase((database) => {
    const key = integrationKey(database, { accountId: "a", integrationId: "1" });
    const ledger = csvLedger(database, key);
    const file = { path: "/x/a.csv", bytes: 3, modifiedMs: 1, inode: "7", sha256: "abc" };
    ledger.record(file, { at: 1 });
    forgetCsvContent(database, key, { sha256: "abc", reread: false });
    assertEquals([ledger.hasContent("abc"), ledger.file("/x/a.csv")], [false, file]);
    forgetCsvContent(database, key, { sha256: "abc", reread: true });
    assertEquals(ledger.file("/x/a.csv"), undefined);
  }),
);

Deno.test(
  "integration has one key, a running number that only rises, and its last import",
  withDatabase((database) => {
    const name = { accountId: "a", integrationId: "1" };
    const key = integrationKey(database, name);
    assertEquals(integrationKey(database, name), key);
    raiseSequence(database, key, 5);
    raiseSequence(database, key, 3);
    assertEquals(lastSequence(database, key), 5);
    assertEquals(lastImport(database, key), undefined);
    recordImport(database, key, { at: 1, name: "a.csv" });
    assertEquals(lastImport(database, key), { at: 1, name: "a.csv" });
  }),
);

Deno.test(
  "database rolls an inner step back alone, and the whole when the outer one fails",
  withDatabase(async (database) => {
    database.transaction(() => {
      integrationKey(database, { accountId: "a", integrationId: "outer" });
      try {
        database.transaction(() => {
          integrationKey(database, { accountId: "a", integrationId: "inner" });
          throw new Error("inner");
        });
      } catch {
        // Only the inner step is undone.
      }
    });
    await assertRejects(() =>
      database.transaction(() => {
        integrationKey(database, { accountId: "a", integrationId: "lost" });
        throw new Error("outer");
      }), /outer/);
    assertEquals(database.all("SELECT integration_id AS id FROM integration").map(({ id }) => id), ["outer"]);
  }),
);

Deno.test("a state of an earlier version keeps the order in which batches were acknowledged", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "state.db");
    const before = migrations.indexOf(acknowledgedOrder);
    {
      using database = new DatabaseSync(path);
      for (const step of migrations.slice(0, before)) database.exec(step);
      database.exec(`PRAGMA user_version = ${before}`);
      database.exec("INSERT INTO integration (key, account_id, integration_id) VALUES (1, 'a', 'i')");
      const insert = database.prepare(`INSERT INTO batch VALUES (?, 1, 0, 0, ?, ?, 1, '{}', NULL, NULL, NULL, 0, ?)`);
      insert.run("second", "acknowledged", "1", 20);
      insert.run("first", "acknowledged", "2", 10);
      insert.run("waiting", "waiting", "3", null);
    }
    using database = openStateDatabase(path);
    assertEquals(new SpoolIndex(database).newestAcknowledged(1, 9), ["second", "first"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
