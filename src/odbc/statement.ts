/**
 * One running query: its statement handle, its columns, its calls with their time limit.
 *
 * Calls that may wait for the database run on their own thread and can be cancelled (SQLCancel) from here. A driver
 * that does not return even then is given up: the process has to be killed.
 */
import type { Parameter } from "../database/row_source.ts";
import type { DescribedColumn } from "./column_plan.ts";
import { descriptorField, handleType, nullTerminated, returnCode, statementAttribute } from "./constants.ts";
import { OdbcError, readDiagnostics } from "./diagnostics.ts";
import type { Handle, OdbcLibrary } from "./library.ts";
import { bindParameters, type BoundParameters } from "./parameters.ts";
import { fromNarrow, toNarrow, toWide, WideBuffer } from "./wide.ts";

/** The driver ignores SQLCancel: only ending the process stops it. */
class DriverHangsError extends Error {
  override readonly name = "DriverHangsError";
}

/** Limits of one statement, and driver-specific behaviour. */
export interface StatementOptions {
  readonly signal: AbortSignal;
  /** Longest wait for a single response of the database. */
  readonly timeoutSeconds: number | undefined;
  readonly secrets: readonly string[];
  /** The driver has no wide entry points. */
  readonly narrow: boolean;
  /** Stops a fetch where SQLCancel does not. */
  readonly cancelFetch?: (() => Promise<void>) | undefined;
}

/** How long a driver may take to react to SQLCancel. */
const cancelGraceMs = 10_000;
const columnsMax = 1024;
const forwardOnly = 0n;
const readOnly = 1n;

/** A statement handle. */
export class Statement implements AsyncDisposable {
  readonly handle: Handle;
  readonly #library: OdbcLibrary;
  readonly #options: StatementOptions;
  #parameters: BoundParameters = [];
  #memory: readonly object[] = [];
  #pending: Pending | undefined;
  #cancelling: Promise<unknown> = Promise.resolve();
  #hangs = false;

  constructor(library: OdbcLibrary, connection: Handle, options: StatementOptions) {
    const { SQLAllocHandle, SQLSetStmtAttrW } = library.symbols;
    const handle = new BigUint64Array(new ArrayBuffer(8));
    const code = SQLAllocHandle(handleType.statement, connection, handle);
    if (!succeeded(code)) {
      const target = { type: handleType.connection, value: connection, secrets: options.secrets };
      throw new OdbcError("start a query", readDiagnostics(library, target));
    }
    this.#library = library;
    this.#options = options;
    this.handle = handle[0] ?? 0n;
    // These are the usual defaults; a driver that refuses them reports that here and continues.
    SQLSetStmtAttrW(this.handle, statementAttribute.cursorType, forwardOnly, 0);
    SQLSetStmtAttrW(this.handle, statementAttribute.concurrency, readOnly, 0);
  }

  /** Runs `sql` (SQLExecDirect). */
  async execute(sql: string, parameters: readonly Parameter[]): Promise<void> {
    this.#parameters = bindParameters(this.#library, {
      statement: this.handle,
      parameters,
      narrow: this.#options.narrow,
      check: (code) => this.check(code, "bind the query's parameters"),
    });
    const { SQLExecDirect, SQLExecDirectW } = this.#library.symbols;
    const { narrow } = this.#options;
    const text = narrow ? toNarrow(sql) : toWide(sql);
    const start = () => (narrow ? SQLExecDirect : SQLExecDirectW)(this.handle, text, nullTerminated);
    const code = await this.#call(start, { action: "run the query" });
    if (code !== returnCode.noData) this.check(code, "run the query");
  }

  /** The result's columns (SQLDescribeCol); none if the statement returns no rows. */
  describe(): DescribedColumn[] {
    const count = new Int16Array(new ArrayBuffer(8));
    this.check(this.#library.symbols.SQLNumResultCols(this.handle, count), "read the columns of the query");
    const columns = count[0] ?? 0;
    if (columns > columnsMax) {
      throw new Error(`Cannot read ${columns} columns: the maximum is ${columnsMax}; name only those needed`);
    }
    return Array.from({ length: columns }, (_, index) => this.#describeColumn(index + 1));
  }

  /** Keeps memory whose address the driver has, as long as this statement: a fetch may outlive whoever asked for it. */
  keep(...memory: readonly object[]): void {
    this.#memory = [...this.#memory, ...memory];
  }

  /** Throws the driver's diagnostics unless `code` is a success. */
  check(code: number, action: string): void {
    if (!succeeded(code)) throw this.error(action);
  }

  error(action: string): OdbcError {
    const target = { type: handleType.statement, value: this.handle, secrets: this.#options.secrets };
    return new OdbcError(action, readDiagnostics(this.#library, target));
  }

  /** Fetches the next row or block (SQLFetch); the caller checks the code. */
  fetch(): Promise<number> {
    return this.#call(() => this.#library.symbols.SQLFetch(this.handle), {
      action: "fetch rows",
      cancel: this.#options.cancelFetch,
    });
  }

  /** Waits for a call on another thread; cancels it when aborted or out of time. */
  async #call(start: () => Promise<number>, { action, cancel: cancelOtherwise }: Call): Promise<number> {
    const { signal, timeoutSeconds } = this.#options;
    signal.throwIfAborted();
    const running = start();
    this.#pending = { running, cancel: cancelOtherwise };
    let timedOut = false;
    let grace: ReturnType<typeof setTimeout> | undefined;
    const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>();
    const cancel = () => {
      if (grace !== undefined) return;
      grace = setTimeout(() => {
        this.#hangs = true;
        giveUp(new DriverHangsError(`Cannot ${action}: the driver does not respond, not even to a cancel request`));
      }, cancelGraceMs);
      this.#cancel();
    };
    const timer = timeoutSeconds === undefined ? undefined : setTimeout(() => {
      timedOut = true;
      cancel();
    }, timeoutSeconds * 1000);
    signal.addEventListener("abort", cancel, { once: true });
    try {
      const code = await Promise.race([running, givenUp]);
      this.#pending = undefined;
      signal.throwIfAborted();
      if (timedOut && !succeeded(code) && code !== returnCode.noData) throw timeoutError(action, timeoutSeconds ?? 0);
      return code;
    } finally {
      clearTimeout(timer);
      clearTimeout(grace);
      signal.removeEventListener("abort", cancel);
    }
  }

  /** Cancels a running call, and frees the handle once the driver has released it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#pending && !this.#hangs) {
      this.#cancel();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const grace = new Promise<"hangs">((resolve) => timer = setTimeout(() => resolve("hangs"), cancelGraceMs));
      this.#hangs = await Promise.race([this.#pending.running, grace]) === "hangs";
      clearTimeout(timer);
    }
    if (this.#hangs) return;
    await this.#cancelling;
    this.#library.symbols.SQLFreeHandle(handleType.statement, this.handle);
    this.#parameters = [];
    this.#memory = [];
  }

  /** The driver has not returned: this statement and its connection must not be used any more. */
  get hangs(): boolean {
    return this.#hangs;
  }

  /** Asks the database to stop, once per waiting call. */
  #cancel(): void {
    const pending = this.#pending;
    if (!pending || pending.cancelled) return;
    pending.cancelled = true;
    const cancelling = pending.cancel?.().catch(() => {}) ?? this.#library.symbols.SQLCancel(this.handle);
    this.#cancelling = Promise.all([this.#cancelling, cancelling]);
  }

  #describeColumn(number: number): DescribedColumn {
    const { SQLDescribeCol, SQLDescribeColW, SQLColAttributeW } = this.#library.symbols;
    const { narrow } = this.#options;
    const name = new WideBuffer(512);
    const facts = new DataView(new ArrayBuffer(32));
    const part = (at: number, bytes: number) => new Uint8Array(facts.buffer, at, bytes);
    const code = (narrow ? SQLDescribeCol : SQLDescribeColW)(
      this.handle,
      number,
      name.bytes,
      name.units,
      name.length,
      part(0, 2),
      part(8, 8),
      part(16, 2),
      part(18, 2),
    );
    this.check(code, `describe column ${number}`);
    const typeName = new WideBuffer(256);
    const unsigned = new BigInt64Array(new ArrayBuffer(8));
    const ignored = new Uint8Array(new ArrayBuffer(8));
    const bytes = typeName.bytes.length;
    SQLColAttributeW(this.handle, number, descriptorField.typeName, typeName.bytes, bytes, typeName.length, ignored);
    SQLColAttributeW(this.handle, number, descriptorField.unsigned, ignored, 0, typeName.length, unsigned);
    return {
      name: narrow ? fromNarrow(name.bytes) : name.text,
      type: facts.getInt16(0, true),
      size: columnSize(facts.getBigUint64(8, true)),
      scale: facts.getInt16(16, true),
      typeName: typeName.text,
      unsigned: unsigned[0] === 1n,
    };
  }
}

interface Call {
  /** For messages: what the call does. */
  readonly action: string;
  /** Stops the call. @default SQLCancel */
  readonly cancel?: (() => Promise<void>) | undefined;
}

interface Pending extends Pick<Call, "cancel"> {
  readonly running: Promise<unknown>;
  cancelled?: boolean;
}

/** SQL_SUCCESS or SQL_SUCCESS_WITH_INFO. */
export function succeeded(code: number): boolean {
  return code === returnCode.success || code === returnCode.successWithInfo;
}

/** Some drivers fill only the lower half, or return -1 for "no limit". */
function columnSize(size: bigint): number {
  const lower = Number(BigInt.asIntN(32, size));
  if (size >> 32n !== 0n && lower !== -1 && size < 1n << 62n) return Number(size);
  return lower < 0 ? 0 : lower;
}

function timeoutError(action: string, seconds: number): OdbcError {
  return new OdbcError(action, [{
    sqlState: "HYT00",
    nativeError: 0,
    message: `no answer within ${seconds} s, the query was cancelled.`,
  }]);
}
