/**
 * Reads the CSV of a batch (RFC 4180, as agents write it) chunk by chunk, in bounded memory: of a long field only the
 * beginning is kept, enough to see that it is too long.
 */

/** Maximum fields in one record, which is held in memory: real queries return far fewer. */
const fieldsMax = 10_000;

const byteOrderMark = "\ufeff";
const comma = 0x2c;
const quote = 0x22;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** The batch is not CSV. */
export class CsvError extends Error {
  override readonly name = "CsvError";
}

/** The reader's state. `closing`: after a quote that either ends a field or is the first of an escaped pair. */
type Place = "begin" | "plain" | "quoted" | "closing" | "return";

/** Bytes in, records out: `push`…, then `end`. Every record has as many fields as the first. */
export class CsvRecords {
  readonly #onRecord: (record: string[]) => void;
  readonly #keptLength: number;
  /**
   * The byte order mark is removed here: with `stream`, the decoder also drops it in the middle of the text (Deno 2.8).
   */
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #begun = false;
  #place: Place = "begin";
  #field = "";
  #record: string[] = [];
  #records = 0;
  #width: number | undefined;

  /** A field longer than `fieldCharactersMax` is passed on with one character more than that. */
  constructor(options: { fieldCharactersMax: number; onRecord: (record: string[]) => void }) {
    this.#onRecord = options.onRecord;
    this.#keptLength = options.fieldCharactersMax + 1;
  }

  /** Feeds the next bytes; throws {@linkcode CsvError}, and whatever `onRecord` throws. */
  push(bytes: Uint8Array): void {
    this.#read(this.#decoder.decode(bytes, { stream: true }));
  }

  /** Ends the input; the last record may lack a line end. */
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

  /** An unquoted field, up to its end. */
  #plain(text: string, from: number): number {
    for (let at = from; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit > comma || unit !== comma && unit !== quote && unit !== carriageReturn && unit !== lineFeed) continue;
      if (unit === quote) throw this.#wrong("a quote in an unquoted field");
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
    else throw this.#wrong("something after a closing quote");
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
