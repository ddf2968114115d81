import fc from "fast-check";
import { CsvError, CsvRecords } from "../../../src/hub/rows/csv_records.ts";
import { assertEquals } from "../../assert.ts";

const fieldCharactersMax = 20;
const encoder = new TextEncoder();

function read(content: Uint8Array, chunkBytes = content.length): string[][] {
  const found: string[][] = [];
  const records = new CsvRecords({ fieldCharactersMax, onRecord: (record) => found.push(record) });
  for (let at = 0; at < content.length; at += chunkBytes) records.push(content.subarray(at, at + chunkBytes));
  records.end();
  return found;
}

function refusal(text: string): string | undefined {
  try {
    read(encoder.encode(text));
    return undefined;
  } catch (error) {
    if (error instanceof CsvError) return error.message;
    throw error;
  }
}

const field = fc.oneof(
  fc.string({ unit: fc.constantFrom(",", '"', "\r", "\n", "a", "ü", "😀", " "), maxLength: 9 }),
  fc.constantFrom("", "2026-07-01 10:00:00", "0"),
);

function written(text: string, always: boolean): string {
  return always || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

Deno.test("what was written as CSV is read as it was, however it is cut into chunks", () => {
  const rows = fc.integer({ min: 1, max: 4 }).chain((width) =>
    fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 })
  );
  const options = fc.record({ chunkBytes: fc.integer({ min: 1, max: 40 }), quotes: fc.boolean(), last: fc.boolean() });
  fc.assert(
    fc.property(rows, options, fc.constantFrom("\r\n", "\n"), (rows, { chunkBytes, quotes, last }, lineEnd) => {
      const text = rows.map((row) => row.map((value) => written(value, quotes)).join(",")).join(lineEnd);
      // Without a line end a last record of one empty field cannot be told from none.
      const content = encoder.encode(last || /(^|\n)$/.test(text) ? text + lineEnd : text);
      assertEquals(read(content, chunkBytes), rows);
    }),
    { numRuns: 2000, seed: 1 },
  );
});

Deno.test("of a field that is too long the beginning is handed out, of quoted ones and others", () => {
  const long = "x".repeat(1000);
  const content = encoder.encode(`a,b\r\n${long},"${long}"\r\n`);
  for (const chunkBytes of [1, 7, content.length]) {
    const kept = "x".repeat(fieldCharactersMax + 1);
    assertEquals(read(content, chunkBytes), [["a", "b"], [kept, kept]]);
  }
});

Deno.test("what is no CSV is refused with its record", () => {
  for (
    const [text, what] of [
      ['a,b\r\n1,"2', "record 2 has a quote that is not closed"],
      ['a,b\r\n1,2"3\r\n', "record 2 has a quote in an unquoted field"],
      ['a,b\r\n"1"2,3\r\n', "record 2 has something after a closing quote"],
      ["a,b\r\n1,2\r\n3\r\n", "record 3 has 1 fields, but 2 columns"],
      ["a,b\r1,2\r\n", "record 1 has a carriage return without a line feed"],
      ["a,b\r\n1,2\r", "record 2 has a carriage return without a line feed"],
      [",".repeat(20_000), "record 1 has more than 10000 fields"],
    ] as const
  ) assertEquals(refusal(text), `The batch is not CSV: its ${what}`);
});

Deno.test("a byte order mark is no part of the first name", () => {
  assertEquals(read(encoder.encode("\ufeffa\r\n1\r\n"), 1), [["a"], ["1"]]);
});
