/** The encoder's inner functions against plain ones. */
import fc from "fast-check";
import { CsvBuffer, csvField } from "../../src/database/csv_buffer.ts";
import { spareBytes, writeDouble, writeInteger64, writeReal, writeTimestamp } from "../../src/database/write_number.ts";
import { BoundBlock } from "../../src/odbc/bound_block.ts";
import { cell } from "../../src/odbc/column_plan.ts";
import { ColumnSet } from "../../src/odbc/column_set.ts";
import { type TextMemory, writeBase64, writeBytes, writeUtf8, writeWide } from "../../src/odbc/write_text.ts";
import { assertEquals } from "../assert.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What `write` writes, between bytes that must stay as they are or are said to be spare. */
function written(write: (csv: CsvBuffer) => number, csv = new CsvBuffer(100_000)): string {
  csv.bytes.fill(0xaa);
  const end = write(csv);
  assertEquals(csv.bytes.subarray(end + spareBytes, end + spareBytes + 16).every((byte) => byte === 0xaa), true);
  return decoder.decode(csv.bytes.subarray(0, end));
}

/** `value` where a column's cell could be: at a multiple of eight, with other bytes before and behind. */
function inMemory(value: Uint8Array): TextMemory {
  const bytes = new Uint8Array(8 + Math.ceil(value.length / 8) * 8).fill(0x22);
  bytes.set(value, 8);
  return { bytes, signed: new Int32Array(bytes.buffer) };
}

Deno.test("64-bit integers are written exactly", () => {
  const check = (value: bigint) => {
    const low = Number(BigInt.asIntN(32, value));
    const high = Number(BigInt.asIntN(32, value >> 32n));
    assertEquals(written(({ view }) => writeInteger64(view, 0, low, high)), String(value));
  };
  for (const value of [0n, -1n, 9n, 10n, 99_999n, 100_000n, 999_999_999n, 1_000_000_000n, 4_294_967_295n]) {
    check(value);
    check(-value);
  }
  for (let bits = 1n; bits < 64n; bits++) {
    for (const by of [-1n, 0n, 1n]) [(1n << bits) + by, -(1n << bits) - by].map((v) => check(BigInt.asIntN(64, v)));
  }
  fc.assert(fc.property(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), check), { numRuns: 2000 });
});

Deno.test("doubles are written in JavaScript's shortest form", () => {
  const check = (value: number) => {
    assertEquals(written(({ view }) => writeDouble(view, 0, value)), Object.is(value, -0) ? "-0" : String(value));
  };
  for (const value of [0, -0, 0.1, 0.1 + 0.2, 1 / 3, 1e15, 1e21, 5e-324, 1.7976931348623157e308, NaN, -Infinity]) {
    check(value);
  }
  for (const value of [123456.789, 999999999999.9999, 0.000001, 1e-7, 100000000000000.5, 2 ** 53, 8.5, 17.125]) {
    check(-value);
  }
  fc.assert(fc.property(fc.double(), check), { numRuns: 5000 });
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 9 }), (whole, decimals) => check(whole / 10 ** decimals)),
    { numRuns: 5000 },
  );
});

Deno.test("32-bit floats are written in the shortest form that reads back", () => {
  const check = (value: number) => {
    const text = written(({ view }) => writeReal(view, 0, value));
    assertEquals(Math.fround(Number(text)), value);
    if (!Number.isFinite(value)) return;
    const digits = text.replace(/e.*/, "").replace(/\D/g, "").replace(/^0+|0+$/g, "").length;
    if (digits > 1) assertEquals(Math.fround(Number(value.toPrecision(digits - 1))) === value, false, text);
  };
  for (const value of [0, 1.1, 16777216, 3.4028234663852886e38, 1e-45, NaN, Infinity]) check(Math.fround(value));
  fc.assert(fc.property(fc.float({ noNaN: true }), (value) => check(value)), { numRuns: 3000 });
});

Deno.test("timestamps keep their fraction without trailing zeros", () => {
  const of = (...parts: number[]) => {
    const units = Uint16Array.from(parts.slice(0, 6));
    return written(({ view }) => writeTimestamp(view, 0, units, 0, parts[6] ?? 0));
  };
  assertEquals(of(2024, 2, 29, 23, 59, 59, 0), "2024-02-29 23:59:59");
  assertEquals(of(1, 1, 1, 0, 0, 0, 100), "0001-01-01 00:00:00.0000001");
  assertEquals(of(9999, 12, 31, 9, 5, 7, 500_000_000), "9999-12-31 09:05:07.5");
  assertEquals(of(-44 & 0xffff, 3, 15, 12, 0, 0, 0), "-0044-03-15 12:00:00");
});

Deno.test("UTF-16 becomes UTF-8, quoted as CSV wants it, and lone surrogates are replaced and counted", () => {
  const text = fc.array(
    fc.oneof(
      fc.constantFrom('"', ",", "\r", "\n", "a", " ", ""),
      fc.string({ unit: "binary" }),
      fc.string(),
      fc.constantFrom("\ud83d", "\ude00"),
    ),
  ).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, (value) => {
      const csv = new CsvBuffer(0);
      const all = new Uint16Array(value.length + 2);
      for (let i = 0; i < value.length; i++) all[i + 1] = value.charCodeAt(i);
      assertEquals(
        written(({ bytes }) => writeWide(bytes, 0, all, 1, value.length, csv)),
        csvField(value.toWellFormed()),
      );
      const lone = [...value].filter((one) => one.length === 1 && /[\ud800-\udfff]/.test(one)).length;
      assertEquals(csv.replacedCharacters, lone);
    }),
    { numRuns: 2000 },
  );
});

/** The field, and how many values were replaced. */
function utf8Field(value: Uint8Array): [text: string, replaced: number] {
  const csv = new CsvBuffer(1000);
  return [written(() => writeUtf8(csv, 0, inMemory(value), 8, value.length), csv), csv.replacedCharacters];
}

Deno.test("bytes that are no UTF-8 are replaced and counted", () => {
  assertEquals(utf8Field(Uint8Array.of(0x61, 0xfc, 0x62)), ["a\ufffdb", 1]);
  const encoder = new TextEncoder();
  assertEquals(utf8Field(encoder.encode("ü,😀")), ['"ü,😀"', 0]);
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x22, 0x2c, 0xc1, 0xe0, 0xed, 0xf0, 0xf4, 0x80, 0x8f, 0xa0, 0xbf));
  const character = fc.string({ unit: "binary", minLength: 1 }).map((text) => [...encoder.encode(text)]);
  const ascii = fc.string({ minLength: 1 }).map((text) => [...encoder.encode(text)]);
  const part = fc.oneof(character, ascii, fc.array(byte, { maxLength: 4 }));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1 }), (parts) => {
      const bytes = Uint8Array.from(parts.flat());
      if (bytes.length === 0) return;
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
      const isValid = encoder.encode(text).join() === bytes.join();
      assertEquals(utf8Field(bytes), [csvField(text), isValid ? 0 : 1]);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("a character that needs quotes is found wherever it stands", () => {
  for (let length = 0; length < 14; length++) {
    for (let at = 0; at < length; at++) {
      for (let code = 0; code < 0x80; code++) {
        const text = `${"a".repeat(at)}${String.fromCharCode(code)}${"z".repeat(length - at - 1)}`;
        const bytes = new TextEncoder().encode(text);
        assertEquals(utf8Field(bytes)[0], csvField(text));
        const csv = new CsvBuffer(100);
        assertEquals(written(() => writeBytes(csv, 0, inMemory(bytes), 8, bytes.length), csv), csvField(text));
      }
    }
  }
  assertEquals(utf8Field(new Uint8Array(0)), ['""', 0]);
});

Deno.test("a long value that is no UTF-8 gets the room that its replacement needs, and counts once", () => {
  const column = { name: "", typeName: "", kind: "text", cell: cell.utf8, cType: 1, width: 8, terminator: 1 } as const;
  const set = new ColumnSet([{ ...column, long: false }, { ...column, long: true }], 1);
  set.rows = 1;
  set.cells(0).set([0xfc]);
  set.setLength(0, { row: 0, length: 1 });
  set.setOverflow(1, { row: 0, value: new Uint8Array(10_000).fill(0xff) });
  const block = new BoundBlock(set);
  const csv = new CsvBuffer(500);
  while (block.encode(csv, { from: 0 }) === 0) csv.grow(csv.bytes.length + 100);
  assertEquals(decoder.decode(csv.filled()), `\ufffd,${"\ufffd".repeat(10_000)}\r\n`);
  assertEquals(csv.replacedCharacters, 2);
});

Deno.test("base64 is that of RFC 4648", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (bytes) => {
    assertEquals(
      written((csv) => writeBase64(csv.bytes, 0, bytes, 0, bytes.length)),
      btoa(String.fromCharCode(...bytes)),
    );
  }));
});
