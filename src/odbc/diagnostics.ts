/** The driver's diagnostics after a call: every record, SQLSTATE first, and what to do about it. */
import { type Handle, type OdbcLibrary } from "./library.ts";
import { type HandleType, returnCode } from "./constants.ts";
import { fromWide } from "./wide.ts";

/** One diagnostic record (SQLGetDiagRec). */
export interface DiagnosticRecord {
  readonly sqlState: string;
  readonly nativeError: number;
  readonly message: string;
}

/** What went wrong, for code to decide on; people read the message. */
export type OdbcErrorKind =
  | "driver-missing"
  | "login"
  | "not-admitted"
  | "own-identity"
  | "encryption"
  | "unreachable"
  | "syntax"
  | "missing-table"
  | "missing-column"
  | "permission"
  | "timeout"
  | "cancelled"
  | "connection-lost"
  | "other";

/** What was going on when a call failed. */
export interface CallPhase {
  /** There was no connection yet. @default false */
  readonly connecting?: boolean;
}

/** A failed call. `message` has every record, the likely cause and the remedy, and no secret. */
export class OdbcError extends Error {
  override readonly name = "OdbcError";
  readonly kind: OdbcErrorKind;
  readonly sqlState: string;
  readonly records: readonly DiagnosticRecord[];
  constructor(action: string, records: readonly DiagnosticRecord[], phase: CallPhase = {}) {
    const likely = likelyCause(records, phase);
    const told = records.map(({ sqlState, message }) => sqlState === "" ? message : `[${sqlState}] ${message}`).join(
      " ",
    );
    super(`Cannot ${action}: ${told || "the driver gave no reason."}${likely.remedy ? ` ${likely.remedy}` : ""}`);
    this.kind = likely.kind;
    this.sqlState = records[0]?.sqlState ?? "";
    this.records = records;
  }
}

const recordsMax = 16;
const messageUnitsMax = 2048;

/** Reads every record of `handle`, with each of `secrets` masked. */
export function readDiagnostics(
  library: OdbcLibrary,
  handle: { type: HandleType; value: Handle; secrets?: readonly string[] },
): DiagnosticRecord[] {
  const state = new Uint8Array(new ArrayBuffer(12));
  const native = new Int32Array(new ArrayBuffer(4));
  const text = new Uint8Array(new ArrayBuffer(messageUnitsMax * 2));
  const length = new Int16Array(new ArrayBuffer(2));
  const records: DiagnosticRecord[] = [];
  for (let number = 1; number <= recordsMax; number++) {
    // A driver that forgets the null terminator must not expose the rest of the previous record.
    state.fill(0);
    text.fill(0);
    const code = library.symbols.SQLGetDiagRecW(
      handle.type,
      handle.value,
      number,
      state,
      native,
      text,
      messageUnitsMax,
      length,
    );
    if (code !== returnCode.success && code !== returnCode.successWithInfo) break;
    const units = Math.min(length[0] ?? 0, messageUnitsMax - 1);
    records.push({
      sqlState: fromWide(state, 5).replace(/[^0-9A-Z]/gi, ""),
      nativeError: native[0] ?? 0,
      // Mask before white space is collapsed: a secret may contain some.
      message: tidy(mask(fromWide(text, units), handle.secrets ?? [])),
    });
  }
  return records;
}

/** Replaces every secret in `text`. Secrets of one or two characters would mangle it and are not really secret. */
export function mask(text: string, secrets: readonly string[]): string {
  let masked = text;
  // The longest first: one secret may be the prefix of another.
  const longestFirst = secrets.toSorted((a, b) => b.length - a.length);
  for (const secret of longestFirst) if (secret.length > 2) masked = masked.replaceAll(secret, "***");
  return masked;
}

/** Removes line breaks and other control characters, and adds a full stop. */
function tidy(message: string): string {
  const end = message.indexOf("\0");
  const line = (end < 0 ? message : message.slice(0, end)).replace(/[\s\p{Cc}]+/gu, " ").trim();
  return /[.!?:;]$/.test(line) || line === "" ? line : `${line}.`;
}

interface Cause {
  readonly kind: OdbcErrorKind;
  readonly remedy?: string;
}

const remedies: Record<Exclude<OdbcErrorKind, "other">, string> = {
  "driver-missing": "The driver or data source is not registered with the driver manager, or one of its libraries is " +
    "missing: install the driver; `injixo-cloud-link check` lists what is registered.",
  login: "The database refused the login: check user, password and database name.",
  "not-admitted": "The server has no rule that lets this computer, user or database in: on PostgreSQL add a line to " +
    "pg_hba.conf (`hostssl` is for encrypted connections only), on MySQL a user for this host.",
  "own-identity":
    "The server asks for the Kerberos or Windows identity of this service, which is not given to any server: let it ask " +
    "for a password (`scram-sha-256` in pg_hba.conf), or set the environment variable PGREQUIREAUTH for the service.",
  encryption: "The two sides do not agree on encryption, or the server's certificate is not trusted here: import the " +
    "certificate of its CA on this computer, or for SQL Server trust any certificate in the integration " +
    "(trustServerCertificate in [database]). MariaDB's driver encrypts with FORCETLS=1 in a connection string.",
  unreachable: "The database server does not answer: check host name, port, firewall, and that the server runs.",
  syntax: "The database does not understand the query: run it in the database's own client; leave out a closing `;`.",
  "missing-table":
    "The query names a table or view that does not exist, or that this user may not see: check its name " +
    "and schema.",
  "missing-column":
    "The query names a column that does not exist: check its name, and quote it if it has capital letters.",
  permission: "This database user lacks the right: grant it SELECT on the tables and views of the query.",
  timeout: "The time limit was reached: check the server's load and the indexes on the time column of the query.",
  cancelled: "The query was cancelled.",
  "connection-lost": "The connection was lost: the server restarted, or something in between closes idle connections.",
};

/** SQLSTATEs of ODBC, SQL/CLI and the common servers; the longest matching prefix wins. */
const kinds: Readonly<Record<string, OdbcErrorKind>> = {
  IM002: "driver-missing",
  IM003: "driver-missing",
  IM004: "driver-missing",
  "01000": "other",
  "28": "login",
  "3D": "login",
  "08001": "unreachable",
  "08004": "login",
  "08S01": "connection-lost",
  "08003": "connection-lost",
  "08006": "connection-lost",
  "08": "unreachable",
  "57P": "connection-lost",
  HYT: "timeout",
  S1T00: "timeout",
  HY008: "cancelled",
  S1008: "cancelled",
  "57014": "cancelled",
  "70100": "cancelled",
  "42S02": "missing-table",
  S0002: "missing-table",
  "42P01": "missing-table",
  "42S22": "missing-column",
  S0022: "missing-column",
  "42703": "missing-column",
  "42501": "permission",
  "42000": "syntax",
  "37000": "syntax",
  "42601": "syntax",
  "42": "syntax",
};

/** If drivers use a general state, the text says more. */
const texts: readonly (readonly [RegExp, OdbcErrorKind])[] = [
  [/password authentication failed|access denied for user|login failed|no password supplied/i, "login"],
  [/database "[^"]*" does not exist|unknown database/i, "login"],
  [/no pg_hba\.conf entry|pg_hba\.conf rejects|is not allowed to connect to this/i, "not-admitted"],
  [/authentication method requirement .* failed/i, "own-identity"],
  [/can't open lib|file not found/i, "driver-missing"],
  [
    /certificate (?:verify|chain|authority|has expired|is not)|root certificate|self.signed certificate|ssl (?:provider|routines|security|error|connection)|encryption (?:errors|not supported|required)|does not support ssl|insecure transport/i,
    "encryption",
  ],
  [
    /could not connect|connection refused|can't connect|unable to connect|login timeout|could not translate host|no such host|unknown (mysql |mariadb )?server host/i,
    "unreachable",
  ],
  [/timeout expired|statement timeout|max_statement_time|maximum statement execution time exceeded/i, "timeout"],
  // A PostgreSQL standby ends queries that hold up its replication for too long.
  [/canceling statement due to conflict with recovery/i, "timeout"],
  [/server has gone away|lost connection|server closed the connection/i, "connection-lost"],
  [/canceling statement due to user request|query execution was interrupted|operation canceled/i, "cancelled"],
  [/permission denied|command denied|permission was denied/i, "permission"],
  [/relation "[^"]*" does not exist|no such table|invalid object name/i, "missing-table"],
  [/column .* does not exist|no such column|unknown column|invalid column name/i, "missing-column"],
];

/**
 * The likely cause of a failed call.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const cause = likelyCause([{ sqlState: "42S22", nativeError: 0, message: "no such column: x." }]);
 * assertEquals(cause.kind, "missing-column");
 * ```
 */
export function likelyCause(records: readonly DiagnosticRecord[], { connecting = false }: CallPhase = {}): Cause {
  const all = records.map((record) => record.message).join(" ");
  const found = texts.find(([pattern]) => pattern.test(all))?.[1] ?? kindByState(records);
  // A login has no query whose time could run out.
  const kind = connecting && found === "timeout" ? "unreachable" : found;
  return kind === "other" ? { kind } : { kind, remedy: remedies[kind] };
}

function kindByState(records: readonly DiagnosticRecord[]): OdbcErrorKind {
  for (const { sqlState } of records) {
    for (let length = 5; length >= 2; length--) {
      const kind = kinds[sqlState.slice(0, length)];
      if (kind && kind !== "other") return kind;
    }
  }
  return "other";
}
