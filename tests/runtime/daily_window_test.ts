import { openFromMs, parseDailyWindow, shownDailyWindow } from "../../src/runtime/daily_window.ts";
import { assert, assertEquals } from "../assert.ts";

function opens(text: string, now: string, timeZone = "Europe/Berlin"): string {
  const window = parseDailyWindow(text);
  assert(window !== undefined, text);
  return new Date(openFromMs(window, { nowMs: Date.parse(now), timeZone })).toISOString();
}

Deno.test("a daily window is two times of the day that differ", () => {
  const read = (text: string) => {
    const window = parseDailyWindow(text);
    return window && shownDailyWindow(window);
  };
  assertEquals(read("20:00-06:00"), "20:00-06:00");
  assertEquals(read(" 9:30 - 12:05 "), "09:30-12:05");
  assertEquals(read("18:00-24:00"), "18:00-24:00");
  assertEquals(read("00:00-24:00"), "00:00-24:00");
  for (
    const wrong of ["", "20-6", "20:00", "20:60-06:00", "25:00-06:00", "24:00-06:00", "08:00-08:00", "24:01-01:00"]
  ) {
    assertEquals(read(wrong), undefined, wrong);
  }
});

Deno.test("a daily window opens by the clock on the wall, over midnight too", () => {
  const winter = "2026-01-15T";
  assertEquals(opens("20:00-06:00", `${winter}12:00:00Z`), `${winter}19:00:00.000Z`);
  assertEquals(opens("20:00-06:00", `${winter}18:59:59.999Z`), `${winter}19:00:00.000Z`);
  for (const open of ["19:00:00.000Z", "23:30:00.000Z", "00:00:00.000Z", "04:59:59.999Z"]) {
    assertEquals(opens("20:00-06:00", winter + open), winter + open);
  }
  assertEquals(opens("20:00-06:00", `${winter}05:00:00Z`), `${winter}19:00:00.000Z`);
  assertEquals(opens("08:00-09:00", `${winter}08:00:00Z`), "2026-01-16T07:00:00.000Z");
  assertEquals(opens("18:00-24:00", `${winter}23:00:00Z`), "2026-01-16T17:00:00.000Z");
  assertEquals(opens("00:00-24:00", `${winter}22:59:00Z`), `${winter}22:59:00.000Z`);
});

Deno.test("a daily window opens on days whose clock jumps, too", () => {
  // In the night to 29 March 2026 the clock in Berlin goes from 02:00 to 03:00, at 01:00 UTC.
  assertEquals(opens("02:30-04:00", "2026-03-29T00:00:00Z"), "2026-03-29T01:00:00.000Z");
  // In the night to 25 October 2026 it goes from 03:00 back to 02:00: 02:30 comes twice, the first time counts.
  assertEquals(opens("02:30-04:00", "2026-10-24T22:00:00Z"), "2026-10-25T00:30:00.000Z");
});

Deno.test("a daily window over which the clock jumps opens on the next day", () => {
  for (const now of ["2026-03-28T23:00:00Z", "2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z", "2026-03-29T20:00:00Z"]) {
    assertEquals(opens("02:00-02:30", now), "2026-03-30T00:00:00.000Z", now);
  }
  // Havana's day begins at 01:00 on 8 March 2026.
  assertEquals(opens("00:00-01:00", "2026-03-07T06:00:00Z", "America/Havana"), "2026-03-09T04:00:00.000Z");
});

Deno.test("a daily window that comes twice opens twice", () => {
  assertEquals(opens("02:00-02:30", "2026-10-24T22:00:00Z"), "2026-10-25T00:00:00.000Z");
  assertEquals(opens("02:00-02:30", "2026-10-25T00:30:00Z"), "2026-10-25T01:00:00.000Z");
  assertEquals(opens("01:30-02:30", "2026-10-25T00:30:00Z"), "2026-10-25T01:00:00.000Z");
  assertEquals(opens("02:00-02:30", "2026-10-25T01:30:00Z"), "2026-10-26T01:00:00.000Z");
});

Deno.test("a daily window opens when it says, on every day and at every hour of two years", () => {
  for (const [text, timeZone] of [["02:00-02:30", "Europe/Berlin"], ["23:30-00:30", "America/Havana"]] as const) {
    const window = parseDailyWindow(text);
    assert(window !== undefined);
    const openAt = (nowMs: number) => openFromMs(window, { nowMs, timeZone });
    let announcedMs = 0;
    for (let nowMs = Date.UTC(2026, 0); nowMs < Date.UTC(2028, 0); nowMs += 3_600_000) {
      const opensMs = openAt(nowMs);
      assertEquals(openAt(opensMs), opensMs);
      if (announcedMs > nowMs) assertEquals(opensMs, announcedMs, new Date(nowMs).toISOString());
      announcedMs = opensMs;
    }
  }
});
