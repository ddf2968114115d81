import { integrationKey } from "../../src/state/integration.ts";
import { startState } from "../../src/source/read_state.ts";
import { openStateDatabase } from "../../src/state/state_database.ts";
import { reopenWindow, windowLedger } from "../../src/state/window_ledger.ts";
import { assertEquals } from "../assert.ts";

Deno.test("a window that is read again is joined to what is pending anyway: no range is in it twice", () => {
  using database = openStateDatabase(":memory:");
  const key = integrationKey(database, { accountId: "a", integrationId: "i" });
  const ledger = windowLedger(database, key);
  ledger.setProgress({
    fingerprint: "f",
    database: "d",
    state: { ...startState, pending: [{ fromMs: 0, toMs: 100 }, { fromMs: 500, toMs: 600 }] },
    historyFromMs: 0,
    lastRegularMs: null,
    accepted: undefined,
  });
  ledger.record({ fromMs: 50, toMs: 200, sha256: "s", rows: 1, refused: 0, batchId: "b", readAtMs: 1 });
  assertEquals(reopenWindow(database, key, "b"), { fromMs: 50, toMs: 200 });
  assertEquals(ledger.progress()?.state.pending, [{ fromMs: 0, toMs: 200 }, { fromMs: 500, toMs: 600 }]);
  assertEquals(ledger.progress()?.database, "d");
});
