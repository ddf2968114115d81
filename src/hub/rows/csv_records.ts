/**
 * Reads the CSV of a batch (RFC 4180, as agents write it) chunk by chunk. Its memory does not grow with what is in it: of
 * a long field only the beginning is kept, enough to see that it is too long.
 */

/** Fields of one record: what queries return is far below, and a record is in memory whole. */
const fieldsMax = 10_000;

const byteOrderMark = "\ufeff";
const comma = 0x2c;
const quote = 0x22;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** The batch is no CSV. */
export class CsvError extends Error {
  override readonly name = "CsvError";
}

/** Where the reader stands. `closing` is behind a quote that ends a field, or is the first of two that mean one. */
type Place = "begin" | "plain" | "quoted" | "closing" | "return";

/** Bytes in, records out: `push`…, then `end`. Every record has as many fields as the first. */
export class CsvRecords {
  readonly #onRecord: (record: string[]) => void;
  readonly #keptLength: number;
  /** The mark is told apart here: a decoder of pieces drops it within the text, too (Deno 2.8). */
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #begun = false;
  #place: Place = "begin";
  #field = "";
  #record: string[] = [];
  #records = 0;
  #width: number | undefined;

  /** Of a field longer than `fieldCharactersMax`, one character more than that is handed out. */
  constructor(options: { fieldCharactersMax: number; onRecord: (record: string[]) => void }) {
    this.#onRecord = options.onRecord;
    this.#keptLength = options.fieldCharactersMax + 1;
  }

  /** The next bytes; throws {@linkcode CsvError}, and whatever `onRecord` throws. */
  push(bytes: Uint8Array): void {
    this.#read(this.#decoder.decode(bytes, { stream: true }));
  }

  /** There is no more: a last record may lack its line end. */
  end(): void {
    this.#read(this.#decoder.decode());
    if (this.#place === "quoted") throw this.#wrong("a quote that is not closed");
    if (this.#place === "return") throw this.#wrong("a carriage return without a line feed");
    if (this.#place !== "begin" || this.#record.length > 0) this.#endRecord();
  }

  #read(text: string): void {
    let at = !this.#begun && text.startsWith(byteOrderMark) ? 1 : 0;
    this.#begun ||= text !== "";
    while (at < text.length) {
      switch (this.#place) {
        case "begin":
          if (text.charCodeAt(at) === quote) at++, this.#place = "quoted";
          else this.#place = "plain";
          break;
        case "plain":
          at = this.#plain(text, at);
          break;
        case "quoted": {
          const end = text.indexOf('"', at);
          this.#append(text, at, end < 0 ? text.length : end);
          if (end >= 0) this.#place = "closing";
          at = end < 0 ? text.length : end + 1;
          break;
        }
        case "closing":
          if (text.charCodeAt(at) === quote) {
            this.#append(text, at, ++at);
            this.#place = "quoted";
          } else this.#delimiter(text.charCodeAt(at++));
          break;
        case "return":
          if (text.charCodeAt(at++) !== lineFeed) throw this.#wrong("a carriage return without a line feed");
          this.#endRecord();
      }
    }
  }

  /** A field without quotes, up to what ends it. */
  #plain(text: string, from: number): number {
    for (let at = from; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit > comma || unit !== comma && unit !== quote && unit !== carriageReturn && unit !== lineFeed) continue;
      if (unit === quote) throw this.#wrong("a quote within a field that has none around it");
      this.#append(text, from, at);
      this.#delimiter(unit);
      return at + 1;
    }
    this.#append(text, from, text.length);
    return text.length;
  }

  #delimiter(unit: number): void {
    if (unit === comma) {
      this.#endField();
      this.#place = "begin";
    } else if (unit === lineFeed) this.#endRecord();
    else if (unit === carriageReturn) this.#place = "return";
    else throw this.#wrong("something behind a closing quote");
  }

  #append(text: string, from: number, to: number): void {
    const room = this.#keptLength - this.#field.length;
    if (room > 0 && to > from) this.#field += text.slice(from, Math.min(to, from + room));
  }

  #endField(): void {
    if (this.#record.push(this.#field) > fieldsMax) throw this.#wrong(`more than ${fieldsMax} fields`);
    this.#field = "";
  }

  #endRecord(): void {
    this.#endField();
    const record = this.#record;
    this.#width ??= record.length;
    if (record.length !== this.#width) {
      throw this.#wrong(`${record.length} fields, but ${this.#width} columns`);
    }
    this.#records++;
    this.#record = [];
    this.#place = "begin";
    this.#onRecord(record);
  }

  #wrong(what: string): CsvError {
    return new CsvError(`The batch is not CSV: its record ${this.#records + 1} has ${what}`);
  }
}
