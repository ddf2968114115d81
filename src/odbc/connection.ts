/**
 * A connection to a database by ODBC.
 *
 * Every query runs in a transaction of its own that is rolled back at its end (autocommit is off): psqlodbc can only stream
 * inside one, and nothing that a query does by accident stays.
 */
import type { Database, DatabaseInfo, QueryOptions, RowSource } from "../database/row_source.ts";
import {
  assertRegistered,
  attribute,
  type Attributes,
  formatConnectionString,
  secretsOf,
  withDefaults,
} from "./connection_string.ts";
import { connectionAttribute, getDataExtension, handleType, infoType, nullTerminated } from "./constants.ts";
import { OdbcError, readDiagnostics } from "./diagnostics.ts";
import { type DriverProfile, driverProfile } from "./driver_profile.ts";
import { allocateEnvironment, listRegistered } from "./drivers.ts";
import type { Handle, OdbcLibrary } from "./library.ts";
import { type DriverTraits, openRows } from "./odbc_rows.ts";
import { Statement, succeeded } from "./statement.ts";
import { toNarrow, toWide, WideBuffer } from "./wide.ts";

export interface ConnectOptions {
  /** Its memory and threads are those of this process. */
  readonly library: OdbcLibrary;
  readonly attributes: Attributes;
  readonly signal: AbortSignal;
  /** @default 15 */
  readonly loginTimeoutSeconds?: number;
  /** IANA name for the session, where the database has one. */
  readonly timeZone?: string;
}

const defaultLoginTimeoutSeconds = 15;
const setUpTimeoutSeconds = 30;
const rollback = 1;
const off = 0n;
const readOnly = 1n;

/**
 * Connects (SQLDriverConnect) and prepares the session: read-only, time zone, no autocommit.
 *
 * @throws {@linkcode OdbcError}, an `Error` for a connection string that is refused, the signal's reason when aborted. An
 * aborted connect goes on in the driver until its login timeout, and then closes itself.
 */
export async function connectOdbc(options: ConnectOptions): Promise<Database> {
  const { library, attributes, signal } = options;
  signal.throwIfAborted();
  const registered = listRegistered(library);
  assertRegistered(attributes, registered);
  const dataSource = attribute(attributes, "DSN")?.toUpperCase();
  const driver = attribute(attributes, "DRIVER") ??
    registered.dataSources.find((source) => source.name.toUpperCase() === dataSource)?.driver ?? "";
  const profile = driverProfile(driver);
  const handles = new Handles(library, secretsOf(attributes));
  const complete = formatConnectionString(withDefaults(attributes, profile.options));
  const connecting = handles.connect(complete, {
    loginTimeoutSeconds: options.loginTimeoutSeconds ?? defaultLoginTimeoutSeconds,
    narrow: profile.narrow ?? false,
  });
  try {
    await untilAborted(connecting, signal);
  } catch (error) {
    void connecting.catch(() => {}).then(() => handles[Symbol.asyncDispose]());
    throw error;
  }
  try {
    return await OdbcConnection.prepare(handles, { profile, options });
  } catch (error) {
    await handles[Symbol.asyncDispose]();
    throw error;
  }
}

/** The environment's and the connection's handle. */
class Handles implements AsyncDisposable {
  readonly library: OdbcLibrary;
  readonly secrets: readonly string[];
  readonly environment: Handle;
  readonly connection: Handle;
  #connected = false;

  constructor(library: OdbcLibrary, secrets: readonly string[]) {
    this.library = library;
    this.secrets = secrets;
    this.environment = allocateEnvironment(library);
    const handle = new BigUint64Array(new ArrayBuffer(8));
    library.symbols.SQLAllocHandle(handleType.connection, this.environment, handle);
    this.connection = handle[0] ?? 0n;
  }

  async connect(connectionString: string, options: { loginTimeoutSeconds: number; narrow: boolean }): Promise<void> {
    const { loginTimeoutSeconds, narrow } = options;
    const { symbols } = this.library;
    symbols.SQLSetConnectAttrW(this.connection, connectionAttribute.loginTimeout, BigInt(loginTimeoutSeconds), 0);
    const input = narrow ? toNarrow(connectionString) : toWide(connectionString);
    const output = new WideBuffer(4096);
    const code = await (narrow ? symbols.SQLDriverConnect : symbols.SQLDriverConnectW)(
      this.connection,
      0n,
      input,
      nullTerminated,
      output.bytes,
      output.units,
      output.length,
      0,
    );
    if (!succeeded(code)) throw this.error("connect to the database");
    this.#connected = true;
  }

  error(action: string): OdbcError {
    const target = { type: handleType.connection, value: this.connection, secrets: this.secrets };
    return new OdbcError(action, readDiagnostics(this.library, target));
  }

  /** A text of SQLGetInfo; empty when the driver does not know. */
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

  /** A number of SQLGetInfo; 0 when the driver does not know. */
  number(type: number): number {
    const value = new Uint32Array(new ArrayBuffer(8));
    const length = new Uint8Array(new ArrayBuffer(8));
    const code = this.library.symbols.SQLGetInfoW(this.connection, type, value, 4, length);
    return succeeded(code) ? value[0] ?? 0 : 0;
  }

  set(attributeNumber: number, value: bigint): boolean {
    return succeeded(this.library.symbols.SQLSetConnectAttrW(this.connection, attributeNumber, value, 0));
  }

  async rollback(): Promise<void> {
    await this.library.symbols.SQLEndTran(handleType.connection, this.connection, rollback);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { symbols } = this.library;
    if (this.#connected) {
      await this.rollback();
      await symbols.SQLDisconnect(this.connection);
    }
    symbols.SQLFreeHandle(handleType.connection, this.connection);
    symbols.SQLFreeHandle(handleType.environment, this.environment);
  }
}

class OdbcConnection implements Database {
  readonly info: DatabaseInfo;
  readonly #handles: Handles;
  readonly #traits: DriverTraits;
  #busy = false;

  private constructor(handles: Handles, { info, traits }: { info: DatabaseInfo; traits: DriverTraits }) {
    this.#handles = handles;
    this.info = info;
    this.#traits = traits;
  }

  static async prepare(
    handles: Handles,
    { profile, options }: { profile: DriverProfile; options: ConnectOptions },
  ): Promise<OdbcConnection> {
    const remarks: string[] = [];
    const attempt = async (sql: string, what: string): Promise<boolean> => {
      try {
        await runAlone(handles, { sql, signal: options.signal, narrow: profile.narrow ?? false });
        return true;
      } catch (error) {
        if (!(error instanceof OdbcError)) throw error;
        remarks.push(`${what} could not be set: ${error.message}`);
        return false;
      }
    };
    const zone = options.timeZone && profile.timeZoneStatement(options.timeZone);
    const zoneSet = zone ? await attempt(zone, "The session's time zone") : false;
    for (const sql of profile.sessionStatements) await attempt(sql, "Read-only access");
    handles.set(connectionAttribute.accessMode, readOnly);
    if (!handles.set(connectionAttribute.autocommit, off)) remarks.push("Autocommit could not be switched off.");
    const extensions = handles.number(infoType.getDataExtensions);
    const inBlocks = getDataExtension.block | getDataExtension.bound;
    return new OdbcConnection(handles, {
      traits: {
        refetch: profile.longValuesInBlocks ?? (extensions & inBlocks) === inBlocks,
        textOnly: profile.textOnly ?? false,
        narrow: profile.narrow ?? false,
        sizesHold: profile.sizesHold ?? false,
        losesOffset: profile.offsetText !== undefined,
        boundAgain: (extensions & getDataExtension.bound) !== 0,
      },
      info: {
        description: describe(handles),
        quote: quoter(handles.text(infoType.identifierQuote)),
        offsetText: (column, expression) =>
          /timestamptz|with (local )?time zone/i.test(column.typeName) ? profile.offsetText?.(expression) : undefined,
        sessionTimeZone: zoneSet ? "set" : "as-is",
        remarks,
      },
    });
  }

  async query(sql: string, options: QueryOptions): Promise<RowSource> {
    if (this.#busy) throw new Error("Cannot run a query: another one runs on this connection");
    const { library, connection, secrets } = this.#handles;
    const { signal, timeoutSeconds } = options;
    this.#busy = true;
    let statement: Statement | undefined;
    const onEnd = async () => {
      this.#busy = false;
      await this.#handles.rollback();
    };
    try {
      statement = new Statement(library, connection, {
        signal,
        timeoutSeconds,
        secrets,
        narrow: this.#traits.narrow,
      });
      await statement.execute(sql, options.parameters ?? []);
      return openRows(library, statement, { traits: this.#traits, query: options, onEnd });
    } catch (error) {
      await statement?.[Symbol.asyncDispose]();
      await onEnd();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handles[Symbol.asyncDispose]();
  }
}

/** A statement without rows, for the session. */
async function runAlone(
  handles: Handles,
  options: { sql: string; signal: AbortSignal; narrow: boolean },
): Promise<void> {
  await using statement = new Statement(handles.library, handles.connection, {
    signal: options.signal,
    timeoutSeconds: setUpTimeoutSeconds,
    secrets: handles.secrets,
    narrow: options.narrow,
  });
  await statement.execute(options.sql, []);
}

function describe(handles: Handles): string {
  const product = `${handles.text(infoType.databaseProduct)} ${handles.text(infoType.databaseVersion)}`.trim();
  const driver = `${handles.text(infoType.driverName)} ${handles.text(infoType.driverVersion)}`.trim();
  return driver === "" ? product : `${product} (${driver})`;
}

/** A blank means that the database has no quoted names (SQLGetInfo, SQL_IDENTIFIER_QUOTE_CHAR). */
function quoter(quote: string): (name: string) => string {
  const mark = quote.trim();
  const closing = mark === "[" ? "]" : mark;
  return (name) => mark === "" ? name : mark + name.replaceAll(closing, closing + closing) + closing;
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
