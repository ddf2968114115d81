/** Strings as CSV fields against the plain way. */
import fc from "fast-check";
import { csvField } from "../../src/database/csv_buffer.ts";
import { writeString } from "../../src/database/write_string.ts";
import { assertEquals } from "../assert.ts";

Deno.test("a string becomes UTF-8, quoted as CSV wants it, and a lone surrogate the replacement character", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const out = new Uint8Array(100_000);
  const part = fc.oneof(
    fc.constantFrom('"', ",", "\r", "\n", "a", " ", "ü", "€", "😀", "\ud83d", "\ude00", "\ufeff"),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const text = parts.join("");
      assertEquals(decoder.decode(out.subarray(0, writeString(out, 0, text))), csvField(text.toWellFormed()));
    }),
    { numRuns: 2000 },
  );
});
