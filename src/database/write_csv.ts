/** Writes a query's result to a sink: the header, then every block, checked by the caller on the way. */
import { CsvBuffer, csvHeader } from "./csv_buffer.ts";
import type { Block, RowSource } from "./row_source.ts";

/** Where the bytes go. When `write` resolves, the chunk may be reused. */
export interface CsvSink {
  write(chunk: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** A sink that can start over, for a query that has to be rerun (`long_values.ts`). */
export interface RestartableSink extends CsvSink {
  /** Discards everything written so far. */
  restart(): Promise<void>;
}

/** How the rows are checked on their way, per block rather than per row: that is what keeps it fast. */
export interface WriteCsvOptions {
  readonly signal: AbortSignal;
  /**
   * Called once per block before it is encoded. Sets `refused[row]` to 1 for rows to leave out; those beyond `rowsMax`
   * already have it. `firstRow` is the block's first row in the whole result, from 0.
   */
  readonly check?: (block: Block, refused: Uint8Array, firstRow: number) => void;
  /** Stop after so many rows. @default Infinity */
  readonly rowsMax?: number | undefined;
  /** Called after each block, with the rows so far. */
  readonly onProgress?: (rows: number) => void;
  /** Number of rows to return for the log and the preview. @default 0 */
  readonly previewRows?: number;
  /** @default 1 MiB */
  readonly chunkBytes?: number;
}

/**
 * What was written. `replacedCharacters`: lone surrogates and broken UTF-8 that became U+FFFD, since CSV is UTF-8
 * throughout. (The runtime's SQLite replaces them itself, so there every U+FFFD counts.)
 */
export interface CsvResult {
  /** Rows read, at most `rowsMax`. */
  readonly rows: number;
  /** Rows written: those read minus those refused. */
  readonly rowsWritten: number;
  readonly bytes: number;
  readonly replacedCharacters: number;
  readonly preview: readonly (readonly (string | null)[])[];
}

/** What to tell whoever gets these rows. */
export function replacementRemarks({ replacedCharacters }: Pick<CsvResult, "replacedCharacters">): string[] {
  if (replacedCharacters === 0) return [];
  return [
    `Characters that became "\ufffd": ${replacedCharacters}. The database holds bytes there that are not text in the ` +
    "character set that is assumed, and different values may now be the same: set the character set in the connection " +
    "string or data source (CHARSET, ClientCharset), or correct the values.",
  ];
}

const defaultChunkBytes = 1024 * 1024;

/** Reads `source` to the end. One chunk is with the sink while the next is filled. */
export async function writeCsv(source: RowSource, sink: CsvSink, options: WriteCsvOptions): Promise<CsvResult> {
  const { signal, check, rowsMax = Infinity, onProgress, previewRows = 0 } = options;
  await using output = new Output(sink, options.chunkBytes ?? defaultChunkBytes);
  const preview: (string | null)[][] = [];
  let rows = 0;
  let refusedRows = 0;
  let refused = new Uint8Array(0);
  output.put(csvHeader(source.columns.map((column) => column.name)));
  for await (const block of source.blocks()) {
    signal.throwIfAborted();
    for (let row = 0; row < block.rows && preview.length < previewRows; row++) {
      preview.push(source.columns.map((_, column) => block.text(column, row)));
    }
    const wanted = Math.min(block.rows, rowsMax - rows);
    const selects = check !== undefined || wanted < block.rows;
    if (selects) {
      if (refused.length < block.rows) refused = new Uint8Array(block.rows);
      refused.fill(0, 0, wanted).fill(1, wanted);
      check?.(block, refused, rows);
      for (let row = 0; row < wanted; row++) if (refused[row] !== 0) refusedRows++;
    }
    await output.encode(block, selects ? refused : undefined);
    rows += wanted;
    onProgress?.(rows);
    if (rows >= rowsMax) break;
  }
  signal.throwIfAborted();
  await output.end();
  return {
    rows,
    rowsWritten: rows - refusedRows,
    bytes: output.bytes,
    replacedCharacters: output.replacedCharacters,
    preview,
  };
}

/** Two buffers: one is filled while the other is written. */
class Output implements AsyncDisposable {
  readonly #sink: CsvSink;
  readonly #chunkBytes: number;
  #filling: CsvBuffer;
  #writing: CsvBuffer;
  #written: Promise<void> = Promise.resolve();
  bytes = 0;

  constructor(sink: CsvSink, chunkBytes: number) {
    this.#sink = sink;
    this.#chunkBytes = chunkBytes;
    this.#filling = new CsvBuffer(chunkBytes);
    this.#writing = new CsvBuffer(chunkBytes);
  }

  get replacedCharacters(): number {
    return this.#filling.replacedCharacters + this.#writing.replacedCharacters;
  }

  put(bytes: Uint8Array): void {
    this.#filling.grow(bytes.length);
    this.#filling.bytes.set(bytes, this.#filling.length);
    this.#filling.length += bytes.length;
  }

  async encode(block: Block, refused: Uint8Array | undefined): Promise<void> {
    let from = 0;
    while (from < block.rows) {
      const next = block.encode(this.#filling, { from, refused });
      if (next === from && this.#filling.length === 0) this.#grow();
      else if (next < block.rows) await this.flush();
      from = next;
    }
  }

  /** By whole chunks, so that steadily growing rows do not each get a new buffer. */
  #grow(): void {
    this.#filling.grow(Math.ceil(this.#filling.roomWanted / this.#chunkBytes) * this.#chunkBytes);
  }

  /** Hands over the filled buffer once the previous one is written. */
  async flush(): Promise<void> {
    await this.#written;
    const full = this.#filling;
    this.#filling = this.#writing;
    this.#filling.length = 0;
    this.#writing = full;
    this.bytes += full.length;
    this.#written = this.#sink.write(full.filled());
    // The next flush or the end handles the rejection; until then it must not count as unhandled.
    this.#written.catch(() => {});
  }

  async end(): Promise<void> {
    if (this.#filling.length > 0) await this.flush();
    await this.#written;
  }

  /** Waits for the sink, so that no write outlives a failed query. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#written.catch(() => {});
  }
}
