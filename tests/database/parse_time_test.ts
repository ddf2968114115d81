import fc from "fast-check";
import { formatWallClock, parseTime, wallClockMs } from "../../src/database/parse_time.ts";
import { assertEquals } from "../assert.ts";

Deno.test("times are read in the forms that databases write", () => {
  const cases = [
    ["2024-03-31 02:30:00", Date.UTC(2024, 2, 31, 2, 30), false],
    ["2024-03-31T02:30", Date.UTC(2024, 2, 31, 2, 30), false],
    ["2024-03-31", Date.UTC(2024, 2, 31), false],
    ["2024-03-31 02:30:00.5000000 +01:00", Date.UTC(2024, 2, 31, 1, 30) + 500, true],
    ["2024-03-31 02:30:00.123456+02", Date.UTC(2024, 2, 31, 0, 30) + 123.456, true],
    ["2024-03-31T02:30:00Z", Date.UTC(2024, 2, 31, 2, 30), true],
    ["1969-12-31 23:59:59-0530", Date.UTC(1970, 0, 1, 5, 29, 59), true],
    ["0001-01-01 00:00:00", -62135596800000, false],
  ] as const;
  for (const [text, ms, hasOffset] of cases) assertEquals(parseTime(text), { ms, hasOffset }, text);
});

Deno.test("what is no time is none", () => {
  for (
    const text of [
      "",
      "x",
      "2024-02-30",
      "2024-13-01",
      "2024-01-01 24:00:00",
      "12:00",
      "1711845000",
      "31.03.2024",
      "infinity",
    ]
  ) {
    assertEquals(parseTime(text), undefined, text);
  }
});

Deno.test("wall clocks are the same numbers as UTC's", () => {
  const time = fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(9999, 11, 31) });
  fc.assert(fc.property(time, (ms) => {
    const date = new Date(ms);
    const parts = {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
    };
    assertEquals(wallClockMs(parts) + date.getUTCMilliseconds(), ms);
    assertEquals(parseTime(formatWallClock(ms))?.ms, ms);
  }));
});
