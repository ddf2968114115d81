/**
 * A connection to a database through ODBC.
 *
 * Every query runs in its own transaction, which is rolled back at its end (autocommit is off): psqlodbc can only
 * stream inside one, and nothing a query changes by accident persists.
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
import { OdbcError } from "./diagnostics.ts";
import { type DriverProfile, driverProfile } from "./driver_profile.ts";
import { listRegistered } from "./drivers.ts";
import { type Handles, openHandles } from "./handles.ts";
import type { OdbcLibrary } from "./library.ts";
import { type DriverTraits, openRows } from "./odbc_rows.ts";
import { execute, prepareSession, type Session } from "./session.ts";
import type { Statement } from "./statement.ts";

/** How to connect. `attributes` hold secrets, which are kept out of every message. */
export interface ConnectOptions {
  /** The loaded driver manager, whose memory and threads are those of this process. */
  readonly library: OdbcLibrary;
  readonly attributes: Attributes;
  readonly signal: AbortSignal;
  /** @default 15 */
  readonly loginTimeoutSeconds?: number;
  /** IANA name for the session's time zone, if the database supports it. */
  readonly timeZone?: string;
}

const defaultLoginTimeoutSeconds = 15;
/** How much longer a driver may take to notice, in ms: MariaDB's waits forever for a server that accepts and is silent. */
const loginGraceMs = 2000;
/** How long the second connection, which stops a fetch, may take. */
const cancelTimeoutMs = 8000;

/** The driver disregards its login timeout: the connect continues within it, and the library must stay loaded. */
export class AbandonedConnectError extends OdbcError {
  constructor(loginTimeoutSeconds: number) {
    const message = `no answer within ${loginTimeoutSeconds} s.`;
    super("connect to the database", [{ sqlState: "HYT00", nativeError: 0, message }], { connecting: true });
  }
}

/**
 * Connects (SQLDriverConnect) and prepares the session: read-only, time zone, no autocommit.
 *
 * @throws {@linkcode OdbcError}, an `Error` for a connection string that is refused, the signal's reason when aborted.
 * An aborted or {@linkcode AbandonedConnectError abandoned} connect continues in the driver, and closes itself when
 * that ends.
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
  const { loginTimeoutSeconds = defaultLoginTimeoutSeconds } = options;
  const connect = () =>
    openHandles(library, {
      connectionString: formatConnectionString(completed(attributes, profile)),
      secrets: secretsOf(attributes),
      loginTimeoutSeconds,
      narrow: profile.narrow ?? false,
    });
  const handles = await orAbandon(connect(), { signal, loginTimeoutSeconds });
  try {
    const prepared = await prepareSession(handles, { profile, signal, timeZone: options.timeZone });
    const utf8Text = profile.prefersUtf8 === true && profile.narrow !== true &&
      await givesUtf8(handles, { session: prepared, signal });
    const session = { ...prepared, traits: { ...prepared.traits, utf8Text } };
    const cancelFetch = await fetchCanceller(handles, { profile, session, connect, signal });
    return new OdbcConnection(handles, { session, cancelFetch, refusedSql: profile.refusedSql });
  } catch (error) {
    await handles[Symbol.asyncDispose]();
    throw error;
  }
}

/** The given attributes, plus what the driver needs. */
function completed(attributes: Attributes, { options, encryption }: DriverProfile): Attributes {
  const all = withDefaults(attributes, options);
  const isOpen = encryption !== undefined && attribute(attributes, "DRIVER") !== undefined &&
    encryption.unless.every((key) => attribute(attributes, key) === undefined);
  return isOpen ? [...all, encryption.option] : all;
}

class OdbcConnection implements Database {
  readonly info: DatabaseInfo;
  readonly #handles: Handles;
  readonly #traits: DriverTraits;
  readonly #cancelFetch: (() => Promise<void>) | undefined;
  readonly #refusedSql: RegExp | undefined;
  #busy = false;

  constructor(
    handles: Handles,
    options: { session: Session; cancelFetch?: (() => Promise<void>) | undefined; refusedSql?: RegExp | undefined },
  ) {
    this.#handles = handles;
    this.#refusedSql = options.refusedSql;
    this.info = options.session.info;
    this.#traits = options.session.traits;
    this.#cancelFetch = options.cancelFetch;
  }

  async query(sql: string, options: QueryOptions): Promise<RowSource> {
    if (this.#busy) throw new Error("Cannot run a query: another one is running on this connection");
    const refused = this.#refusedSql?.exec(sql);
    if (refused) {
      throw new Error(`Cannot run the query: ${refused[0]} can reach files or code on this computer. Leave it out`);
    }
    this.#requireReceived(sql);
    const { signal, timeoutSeconds } = options;
    const statement = this.#handles.statement({ signal, timeoutSeconds, cancelFetch: this.#cancelFetch });
    this.#busy = true;
    try {
      await statement.execute(sql, options.parameters ?? []);
      return openRows(this.#handles.library, statement, {
        traits: this.#traits,
        query: options,
        onEnd: () => this.#end(statement),
      });
    } catch (error) {
      await statement[Symbol.asyncDispose]();
      await this.#end(statement);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handles[Symbol.asyncDispose]();
  }

  /** A letter that becomes another one on its way, as "ħ" becomes a quote, makes another statement of this one. */
  #requireReceived(sql: string): void {
    const letters = [...new Set(sql.match(/[^\p{ASCII}\u0080-\u00ff]/gv))].join("");
    if (letters === "" || this.#handles.receives(letters)) return;
    throw new Error(
      `Cannot run the query: this driver does not receive "${letters}" as such. Use the Unicode variant of the driver, or ` +
        "write the query without it",
    );
  }

  async #end(statement: Statement): Promise<void> {
    if (statement.hangs) this.#handles.hangs = true;
    else await this.#handles.rollback();
    this.#busy = false;
  }
}

/** One character for each UTF-8 length. */
const utf8Sample = "aü€😀";

/** Whether text that is not requested as wide arrives as UTF-8, whatever the connection's options and the locale. */
async function givesUtf8(handles: Handles, options: { session: Session; signal: AbortSignal }): Promise<boolean> {
  const { session, signal } = options;
  const asUtf8 = { ...session, traits: { ...session.traits, utf8Text: true } };
  try {
    const database = new OdbcConnection(handles, { session: asUtf8 });
    await using rows = await database.query(`SELECT '${utf8Sample}'`, { signal });
    for await (const block of rows.blocks()) return block.rows === 1 && block.text(0, 0) === utf8Sample;
  } catch {
    // Wide characters will work, or show what is wrong with the connection.
    signal.throwIfAborted();
  }
  return false;
}

/** Prepares for stopping a fetch: asks for the session's number now, for use by a second connection later. */
async function fetchCanceller(
  handles: Handles,
  options: { profile: DriverProfile; session: Session; connect: () => Promise<Handles>; signal: AbortSignal },
): Promise<(() => Promise<void>) | undefined> {
  const { cancelFetch } = options.profile;
  if (!cancelFetch) return undefined;
  const database = new OdbcConnection(handles, { session: options.session });
  await using rows = await database.query(cancelFetch.sessionQuery, { signal: options.signal });
  let session = NaN;
  for await (const block of rows.blocks()) session = block.integer(0, 0);
  if (!Number.isInteger(session)) return undefined;
  return async () => {
    await using other = await options.connect();
    await execute(other, { sql: cancelFetch.statement(session), signal: AbortSignal.timeout(cancelTimeoutMs) });
  };
}

/** Waits for a connection; if aborted or too slow, leaves it to close itself as soon as the driver has opened it. */
function orAbandon(
  opening: Promise<Handles>,
  { signal, loginTimeoutSeconds }: { signal: AbortSignal; loginTimeoutSeconds: number },
): Promise<Handles> {
  return new Promise((resolve, reject) => {
    let abandoned = false;
    const abandon = (reason: unknown) => {
      abandoned = true;
      reject(reason);
    };
    const onAbort = () => abandon(signal.reason);
    const onLate = () => abandon(new AbandonedConnectError(loginTimeoutSeconds));
    const timer = setTimeout(onLate, loginTimeoutSeconds * 1000 + loginGraceMs);
    signal.addEventListener("abort", onAbort, { once: true });
    opening.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }).then(async (handles) => {
      if (abandoned) await handles[Symbol.asyncDispose]();
      else resolve(handles);
    }).catch(reject);
  });
}
