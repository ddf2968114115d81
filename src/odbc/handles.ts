/** The environment and connection handles, and the calls that need nothing else. */
import { connectionAttribute, handleType, nullTerminated } from "./constants.ts";
import { OdbcError, readDiagnostics } from "./diagnostics.ts";
import { allocateEnvironment } from "./drivers.ts";
import type { Handle, OdbcLibrary } from "./library.ts";
import { Statement, type StatementOptions, succeeded } from "./statement.ts";
import { toNarrow, toWide, WideBuffer } from "./wide.ts";

const rollback = 1;

/** What SQLDriverConnect gets, and what must be kept out of its diagnostics, which often repeat it. */
export interface OpenOptions {
  readonly connectionString: string;
  /** Values that no message may contain. */
  readonly secrets: readonly string[];
  readonly loginTimeoutSeconds: number;
  /** The driver takes UTF-8. */
  readonly narrow: boolean;
}

/** Connects (SQLDriverConnect). */
export async function openHandles(library: OdbcLibrary, options: OpenOptions): Promise<Handles> {
  const handles = new Handles(library, options);
  try {
    await handles.connect(options);
    return handles;
  } catch (error) {
    await handles[Symbol.asyncDispose]();
    throw error;
  }
}

/** An environment with one connection. */
export class Handles implements AsyncDisposable {
  readonly library: OdbcLibrary;
  readonly connection: Handle;
  /** A call has not returned: this process can no longer use the connection. */
  hangs = false;
  readonly #environment: Handle;
  readonly #secrets: readonly string[];
  readonly #narrow: boolean;
  #connected = false;

  constructor(library: OdbcLibrary, { secrets, narrow }: Pick<OpenOptions, "secrets" | "narrow">) {
    this.library = library;
    this.#secrets = secrets;
    this.#narrow = narrow;
    this.#environment = allocateEnvironment(library);
    const handle = new BigUint64Array(new ArrayBuffer(8));
    library.symbols.SQLAllocHandle(handleType.connection, this.#environment, handle);
    this.connection = handle[0] ?? 0n;
  }

  async connect({ connectionString, loginTimeoutSeconds }: OpenOptions): Promise<void> {
    const { symbols } = this.library;
    symbols.SQLSetConnectAttrW(this.connection, connectionAttribute.loginTimeout, BigInt(loginTimeoutSeconds), 0);
    const input = this.#narrow ? toNarrow(connectionString) : toWide(connectionString);
    const output = new WideBuffer(4096);
    const code = await (this.#narrow ? symbols.SQLDriverConnect : symbols.SQLDriverConnectW)(
      this.connection,
      0n,
      input,
      nullTerminated,
      output.bytes,
      output.units,
      output.length,
      0,
    );
    if (!succeeded(code)) {
      const target = { type: handleType.connection, value: this.connection, secrets: this.#secrets };
      throw new OdbcError("connect to the database", readDiagnostics(this.library, target), { connecting: true });
    }
    this.#connected = true;
  }

  /** A text from SQLGetInfo; empty if the driver does not know. */
  text(type: number): string {
    const buffer = new WideBuffer(512);
    const code = this.library.symbols.SQLGetInfoW(
      this.connection,
      type,
      buffer.bytes,
      buffer.bytes.length,
      buffer.length,
    );
    return succeeded(code) ? buffer.text : "";
  }

  /** A number from SQLGetInfo; 0 if the driver does not know. */
  number(type: number): number {
    const value = new Uint32Array(new ArrayBuffer(8));
    const length = new Uint8Array(new ArrayBuffer(8));
    const code = this.library.symbols.SQLGetInfoW(this.connection, type, value, 4, length);
    return succeeded(code) ? value[0] ?? 0 : 0;
  }

  /**
   * Whether the driver receives these letters as such (SQLNativeSql returns SQL as the driver would send it). If it has
   * no wide entry points, the driver manager shortens each UTF-16 unit to a byte, or takes a letter that looks similar.
   */
  receives(letters: string): boolean {
    if (this.#narrow) return true;
    const output = new WideBuffer(letters.length + 64);
    const code = this.library.symbols.SQLNativeSqlW(
      this.connection,
      toWide(`SELECT '${letters}'`),
      nullTerminated,
      output.bytes,
      output.units,
      output.length,
    );
    return succeeded(code) && output.text.includes(letters);
  }

  set(attributeNumber: number, value: bigint): boolean {
    return succeeded(this.library.symbols.SQLSetConnectAttrW(this.connection, attributeNumber, value, 0));
  }

  async rollback(): Promise<void> {
    await this.library.symbols.SQLEndTran(handleType.connection, this.connection, rollback);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { symbols } = this.library;
    if (this.hangs) return;
    if (this.#connected) {
      await this.rollback();
      await symbols.SQLDisconnect(this.connection);
    }
    symbols.SQLFreeHandle(handleType.connection, this.connection);
    symbols.SQLFreeHandle(handleType.environment, this.#environment);
  }

  /** A statement for one query. */
  statement(options: Pick<StatementOptions, "signal" | "timeoutSeconds" | "cancelFetch">): Statement {
    return new Statement(this.library, this.connection, { ...options, secrets: this.#secrets, narrow: this.#narrow });
  }
}
