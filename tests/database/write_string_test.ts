/** Strings as CSV fields against the plain way. */
import fc from "fast-check";
import { CsvBuffer, csvField } from "../../src/database/csv_buffer.ts";
import { writeString } from "../../src/database/write_string.ts";
import { assertEquals } from "../assert.ts";

Deno.test("a string becomes UTF-8, quoted as CSV wants it, and a lone surrogate the replacement character", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const part = fc.oneof(
    fc.constantFrom('"', ",", "\r", "\n", "a", " ", "ü", "€", "😀", "\ud83d", "\ude00", "\ufeff", "\ufffd"),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const text = parts.join("");
      const csv = new CsvBuffer(100_000);
      const expected = csvField(text.toWellFormed());
      assertEquals(decoder.decode(csv.bytes.subarray(0, writeString(csv, 0, text))), expected);
      assertEquals(csv.replacedCharacters, expected.split("\ufffd").length - 1);
    }),
    { numRuns: 2000 },
  );
});
