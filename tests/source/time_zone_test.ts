import fc from "fast-check";
import { assert, assertEquals } from "../assert.ts";
import {
  edgeAtOrAfter,
  edgeAtOrBefore,
  instantOfWall,
  isTimeZone,
  settleEdge,
  wallOfInstant,
} from "../../src/source/time_zone.ts";
import { HubModel, type ModelRow } from "./hub_model.ts";

/** Jumps by an hour, by half an hour, never, twice a year around Ramadan, and once by a whole day. */
export const zones = [
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Asia/Kolkata",
  "Africa/Casablanca",
  "Pacific/Apia",
  "UTC",
] as const;

const hourMs = 3_600_000;

/** Instants at which the zone's clock jumps, in a span of some years. */
function jumps(timeZone: string): number[] {
  const found: number[] = [];
  const since = timeZone === "Pacific/Apia" ? "2011-11-01T00:00:00Z" : "2025-09-01T00:00:00Z";
  let at = Temporal.Instant.from(since).toZonedDateTimeISO(timeZone);
  for (let i = 0; i < 3; i++) {
    const next = at.getTimeZoneTransition("next");
    if (!next) break;
    at = next;
    found.push(at.epochMilliseconds);
  }
  return found.length > 0 ? found : [Date.UTC(2026, 2, 29, 1)];
}

Deno.test("a reading lies between the readings of two settled edges exactly when its instant lies between the edges", () => {
  for (const timeZone of zones) {
    for (const jumpMs of jumps(timeZone)) {
      const near = (minutes: number) => jumpMs + minutes * 60_000;
      for (const step of [15, 60]) {
        for (let minute = -27 * 60; minute <= 27 * 60; minute += 29) {
          const ms = near(minute);
          const before = edgeAtOrBefore(ms, { timeZone, minutes: step });
          const after = edgeAtOrAfter(ms, { timeZone, minutes: step });
          assert(before <= ms && ms <= after, `${timeZone} ${new Date(ms).toISOString()}`);
          assertEquals(settleEdge(before, { timeZone, minutes: step, towards: "earlier" }), before);
          assertEquals(settleEdge(after, { timeZone, minutes: step, towards: "later" }), after);
          // Databases disagree about readings that come twice or never.
          for (const edge of [before, after]) {
            const reading = Temporal.Instant.fromEpochMilliseconds(wallOfInstant(edge, timeZone)).toZonedDateTimeISO(
              "UTC",
            )
              .toPlainDateTime();
            assertEquals(reading.toZonedDateTime(timeZone, { disambiguation: "reject" }).epochMilliseconds, edge);
          }
          const wallEdge = wallOfInstant(before, timeZone);
          // Readings around the edge, impossible and repeated ones among them.
          for (let wallMs = wallEdge - 26 * hourMs; wallMs <= wallEdge + 26 * hourMs; wallMs += 41 * 60_000) {
            const inside = instantOfWall(wallMs, timeZone) >= before;
            assertEquals(wallMs >= wallEdge, inside, `${timeZone} edge ${new Date(before).toISOString()} ${wallMs}`);
          }
        }
      }
    }
  }
});

Deno.test("windows cut anywhere around a jump bring every row to the hub exactly once", () => {
  for (const timeZone of zones) {
    const allJumps = jumps(timeZone);
    fc.assert(
      fc.property(
        fc.constantFrom(...allJumps),
        fc.array(fc.integer({ min: -30 * 60, max: 30 * 60 }), { minLength: 1, maxLength: 60 }),
        fc.array(fc.integer({ min: -30 * 60, max: 30 * 60 }), { minLength: 0, maxLength: 12 }),
        fc.constantFrom(5, 15, 30, 60),
        (jumpMs, rowMinutes, cutMinutes, minutes) => {
          // Rows are written by a clock on the wall, some of them by a broken one that shows impossible readings.
          const rows: ModelRow[] = rowMinutes.map((minute, index) => {
            const wallMs = wallOfInstant(jumpMs + minute * 60_000, timeZone);
            return {
              id: `${index}`,
              wallMs: index % 5 === 0 ? wallOfInstant(jumpMs - 1, timeZone) + minute * 60_000 : wallMs,
            };
          });
          const grid = { timeZone, minutes };
          const cuts = [-60 * 60, ...cutMinutes, 60 * 60].map((minute) =>
            edgeAtOrBefore(jumpMs + minute * 60_000, grid)
          )
            .sort((a, b) => a - b);
          const hub = new HubModel(timeZone);
          for (const [index, toMs] of cuts.entries()) {
            const fromMs = cuts[index - 1];
            if (fromMs === undefined || fromMs === toMs) continue;
            // Each window is read again with an overlap that ends at a settled edge, too.
            for (const window of [{ fromMs, toMs }, { fromMs: cuts[Math.max(0, index - 2)] ?? fromMs, toMs }]) {
              const from = wallOfInstant(window.fromMs, timeZone);
              const to = wallOfInstant(window.toMs, timeZone);
              hub.replace(window, rows.filter((row) => row.wallMs >= from && row.wallMs < to));
            }
          }
          assertEquals(hub.ids(), rows.map((row) => row.id).sort());
        },
      ),
      { numRuns: 150 },
    );
  }
});

Deno.test("the hour that comes twice is never cut, and begins and ends as a whole", () => {
  const timeZone = "Europe/Berlin";
  const grid = { timeZone, minutes: 15 };
  const firstPass = Date.UTC(2026, 9, 25, 0, 0);
  const end = Date.UTC(2026, 9, 25, 2, 0);
  for (let ms = firstPass + 1; ms < end; ms += 10 * 60_000) {
    assertEquals(edgeAtOrBefore(ms, grid), firstPass - 15 * 60_000);
    assertEquals(edgeAtOrAfter(ms, grid), end);
  }
  assertEquals(wallOfInstant(edgeAtOrBefore(end - 1, grid), timeZone), Date.UTC(2026, 9, 25, 1, 45));
  assertEquals(wallOfInstant(end, timeZone), Date.UTC(2026, 9, 25, 3, 0));
});

Deno.test("edges fall on the interval grid of the database's own clock", () => {
  const ms = Date.UTC(2026, 5, 1, 10, 7);
  assertEquals(edgeAtOrBefore(ms, { timeZone: "Asia/Kathmandu", minutes: 30 }), Date.UTC(2026, 5, 1, 9, 45));
  assertEquals(edgeAtOrAfter(ms, { timeZone: "Asia/Kolkata", minutes: 30 }), Date.UTC(2026, 5, 1, 10, 30));
});

Deno.test("only IANA names are time zones", () => {
  assert(isTimeZone("Europe/Amsterdam"));
  for (const name of ["", "Europe/Nowhere", "+01:00", "GMT+25"]) assert(!isTimeZone(name), name);
});
