import { checkSettings } from "../../../src/hub/settings/check_settings.ts";
import { assert, assertEquals } from "../../assert.ts";

Deno.test("an unknown type of database is a wrong field, whatever else is given", () => {
  const check = checkSettings({
    databaseType: "x" as "mysql",
    dataType: "interval",
    kept: true,
    timeZone: "UTC",
    query: "SELECT * FROM calls",
  }, { before: undefined, nowMs: Date.UTC(2026, 0, 1) });
  assert(!check.ok);
  assertEquals(check.faults.filter(({ field }) => field === "databaseType"), [{
    field: "databaseType",
    key: "faultChoose",
  }]);
});
