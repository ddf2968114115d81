/**
 * The tables in an MSI: streams of a compound file, stored column by column, with texts as indexes into a common pool.
 * (Microsoft does not document the format; Wine's `dlls/msi/table.c` and msitools read and write it.)
 */
import { isStorage, type Storage, type Stream } from "./compound_file.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";

/** Name of a table's stream, with two characters packed into one. */
export function streamName(table: string): string {
  let name = "\u4840";
  for (let index = 0; index < table.length; index++) {
    const first = alphabet.indexOf(table[index] ?? "");
    const second = index + 1 < table.length ? alphabet.indexOf(table[index + 1] ?? "") : -1;
    if (first < 0) name += table[index];
    else if (second < 0) name += String.fromCharCode(0x4800 + first);
    else {
      name += String.fromCharCode(0x3800 + first + (second << 6));
      index++;
    }
  }
  return name;
}

/** A value of a row: a text, a number, or nothing. */
export type Value = string | number | null;

interface Column {
  readonly name: string;
  readonly kind: "text" | "int16" | "int32";
  readonly isKey: boolean;
}

/** A table, rows in the order of the file. */
export interface Table {
  readonly columns: readonly Column[];
  readonly rows: Value[][];
}

/** The texts of a database, by number; 0 is none. */
export class StringPool {
  readonly codePage: number;
  readonly #texts: string[] = [""];
  readonly #uses: number[] = [0];
  readonly #numbers = new Map<string, number>();
  /** Indexes take 3 bytes instead of 2. */
  readonly isLong: boolean;

  constructor(options: { codePage: number; isLong: boolean }) {
    this.codePage = options.codePage;
    this.isLong = options.isLong;
  }

  /** Reads the pool of a database. */
  static read(storage: Storage): StringPool {
    const pool = streamOf(storage, "_StringPool");
    const data = streamOf(storage, "_StringData");
    const view = new DataView(pool.buffer, pool.byteOffset, pool.byteLength);
    const first = view.getUint32(0, true);
    const read = new StringPool({ codePage: first & 0xffff, isLong: first >>> 31 === 1 });
    const decoder = new TextDecoder("windows-1252");
    let at = 0;
    for (let index = 4; index + 4 <= pool.length; index += 4) {
      let length = view.getUint16(index, true);
      const uses = view.getUint16(index + 2, true);
      if (length === 0 && uses !== 0) { // a long text: its length follows
        index += 4;
        length = view.getUint16(index, true) + uses * 0x10000;
      }
      read.#push(decoder.decode(data.subarray(at, at + length)), uses);
      at += length;
    }
    return read;
  }

  text(number: number): string {
    return this.#texts[number] ?? "";
  }

  /** The index of a text, added if new; counts one use. */
  number(text: string): number {
    if (text === "") return 0;
    const number = this.#numbers.get(text) ?? this.#push(text, 0);
    this.#uses[number] = (this.#uses[number] ?? 0) + 1;
    return number;
  }

  /** The streams `_StringPool` and `_StringData`. */
  write(): readonly [string, Stream][] {
    const pool = new DataView(new ArrayBuffer(this.#texts.length * 4));
    pool.setUint32(0, (this.codePage | (this.isLong ? 0x8000_0000 : 0)) >>> 0, true);
    const data: number[] = [];
    this.#texts.slice(1).forEach((text, index) => {
      const bytes = [...text].map((character) => character.charCodeAt(0) & 0xff);
      if (bytes.length > 0xffff) throw new Error("Cannot write a text of more than 64 KiB into a table");
      pool.setUint16((index + 1) * 4, bytes.length, true);
      pool.setUint16((index + 1) * 4 + 2, this.#uses[index + 1] ?? 0, true);
      data.push(...bytes);
    });
    return [
      [streamName("_StringPool"), new Uint8Array(pool.buffer)],
      [streamName("_StringData"), new Uint8Array(data)],
    ];
  }

  #push(text: string, uses: number): number {
    const number = this.#texts.push(text) - 1;
    this.#uses.push(uses);
    if (text !== "" && !this.#numbers.has(text)) this.#numbers.set(text, number);
    return number;
  }
}

/** The tables of a database. */
export class Database {
  readonly storage: Storage;
  readonly pool: StringPool;

  constructor(storage: Storage) {
    this.storage = storage;
    this.pool = StringPool.read(storage);
  }

  /** Reads a table. */
  table(name: string): Table {
    const columns = this.#columns(name);
    return { columns, rows: this.#rows(name, columns) };
  }

  /** Replaces the rows of a table; keys must stay the same and in the same order. */
  replace(name: string, { columns, rows }: Table): void {
    const bytes: number[] = [];
    columns.forEach((column, index) => {
      for (const row of rows) bytes.push(...encodeValue(row[index] ?? null, column, this.pool));
    });
    this.storage.entries.set(streamName(name), new Uint8Array(bytes));
    for (const [stream, content] of this.pool.write()) this.storage.entries.set(stream, content);
  }

  #columns(table: string): Column[] {
    const kind = (name: string, type: Column["kind"]): Column => ({ name, kind: type, isKey: false });
    const described = [kind("Table", "text"), kind("Number", "int16"), kind("Name", "text"), kind("Type", "int16")];
    return this.#rows("_Columns", described)
      .filter(([of]) => of === table)
      .sort(([, a], [, b]) => Number(a) - Number(b))
      .map(([, , name, type]) => {
        const bits = Number(type) & 0xffff;
        const int = (bits & 0xff) > 2 ? "int32" : "int16";
        return { name: String(name), kind: bits & 0x0800 ? "text" : int, isKey: (bits & 0x2000) !== 0 };
      });
  }

  #rows(table: string, columns: readonly Column[]): Value[][] {
    const bytes = streamOf(this.storage, table);
    const widths = columns.map((column) => widthOf(column, this.pool));
    const count = bytes.length / widths.reduce((sum, width) => sum + width, 0);
    const rows: Value[][] = Array.from({ length: count }, () => []);
    let at = 0;
    columns.forEach((column, index) => {
      const width = widths[index] ?? 2;
      for (const row of rows) {
        row.push(decodeValue(bytes.subarray(at, at + width), column, this.pool));
        at += width;
      }
    });
    return rows;
  }
}

/** A value in a table, or in a row of a transform. */
export function encodeValue(value: Value, { kind }: Pick<Column, "kind">, pool: StringPool): number[] {
  if (kind === "text") return littleEndian(pool.number(String(value ?? "")), pool.isLong ? 3 : 2);
  if (value === null) return littleEndian(0, kind === "int16" ? 2 : 4);
  return kind === "int16"
    ? littleEndian((Number(value) + 0x8000) & 0xffff, 2)
    : littleEndian((Number(value) ^ 0x8000_0000) >>> 0, 4);
}

function decodeValue(bytes: Uint8Array, { kind }: Column, pool: StringPool): Value {
  const number = bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
  if (kind === "text") return number === 0 ? null : pool.text(number);
  if (number === 0) return null;
  return kind === "int16" ? number - 0x8000 : number - 0x8000_0000;
}

function widthOf({ kind }: Column, pool: StringPool): number {
  return kind === "text" ? (pool.isLong ? 3 : 2) : kind === "int16" ? 2 : 4;
}

/** The bytes of a number. */
export function littleEndian(number: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.floor(number / 256 ** index) % 256);
}

function streamOf(storage: Storage, table: string): Stream {
  const entry = storage.entries.get(streamName(table));
  if (entry === undefined || isStorage(entry)) throw new Error(`Cannot read the table "${table}": there is none`);
  return entry;
}
