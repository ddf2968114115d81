import { integrationKey } from "../../src/state/integration.ts";
import { startState, type Window } from "../../src/source/read_state.ts";
import { openStateDatabase, type StateDatabase } from "../../src/state/state_database.ts";
import { reopenWindow, windowKeptMs, windowLedger } from "../../src/state/window_ledger.ts";
import { assertEquals } from "../assert.ts";
import { queryOrigin } from "../spool/spool_fixture.ts";

function openLedger(database: StateDatabase, pending: readonly Window[]) {
  const key = integrationKey(database, { accountId: "a", integrationId: "i" });
  const ledger = windowLedger(database, key);
  ledger.setProgress({
    fingerprint: "f",
    database: "d",
    state: { ...startState, pending },
    historyFromMs: 0,
    lastRegularMs: null,
    accepted: undefined,
  });
  return {
    ledger,
    record: (window: Window, { batchId, readAtMs }: { batchId: string; readAtMs: number }) =>
      ledger.record({ ...window, sha256: batchId, rows: 1, refused: 0, batchId, readAtMs }),
    reopen: ({ fromMs, toMs }: Window, id: string) =>
      reopenWindow(database, key, {
        id,
        origin: queryOrigin(new Date(fromMs).toISOString(), new Date(toMs).toISOString()),
      }),
    pending: () => ledger.progress()?.state.pending,
  };
}

Deno.test("a window that is read again is joined to what is pending anyway: no range is in it twice", () => {
  using database = openStateDatabase(":memory:");
  const { ledger, record, reopen, pending } = openLedger(database, [
    { fromMs: 0, toMs: 100 },
    { fromMs: 500, toMs: 600 },
  ]);
  const window = { fromMs: 50, toMs: 200 };
  record(window, { batchId: "b", readAtMs: 1 });
  assertEquals(reopen(window, "b"), window);
  assertEquals(pending(), [{ fromMs: 0, toMs: 200 }, { fromMs: 500, toMs: 600 }]);
  assertEquals(ledger.isUnchanged(window, "b"), false);
  assertEquals(ledger.progress()?.database, "d");
});

Deno.test("a lost batch's window is read again though it was forgotten, but not if another batch has it", () => {
  using database = openStateDatabase(":memory:");
  const { record, reopen, pending } = openLedger(database, []);
  const forgotten = { fromMs: 0, toMs: 100 };
  record(forgotten, { batchId: "a", readAtMs: 100 });
  const reread = { fromMs: windowKeptMs + 500, toMs: windowKeptMs + 600 };
  record(reread, { batchId: "b", readAtMs: windowKeptMs + 600 });
  record(reread, { batchId: "c", readAtMs: windowKeptMs + 700 });
  assertEquals(reopen(reread, "b"), undefined);
  assertEquals(reopen(forgotten, "a"), forgotten);
  assertEquals(pending(), [forgotten]);
});
