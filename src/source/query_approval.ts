/**
 * What the installation controls itself: the credentials of the database, and the final decision on the query.
 *
 * With `[database] allowQueryChanges = false` the hub's query is used only if it was accepted here. The installation's
 * first query is accepted automatically: whoever links it for the first time accepts what it does. A later link is not
 * an acceptance, since the hub alone can end one link and create the next.
 */
import type { DatabaseSource, KnownConnection } from "../protocol/database.ts";
import { typedCommand } from "../runtime/own_command.ts";
import { sha256Hex } from "./sha256_hex.ts";

/** What counts as the same query: everything that determines what is read and by which rules. */
export type QueryIdentity = Pick<DatabaseSource, "databaseType" | "dataType" | "timeZone" | "query">;

/** Whether the hub's query may be used. The log shows the fingerprint, and `query --accept` takes it. */
export type Approval =
  | { readonly state: "allowed"; readonly fingerprint: string }
  /** Nothing is read until someone accepts the fingerprint on the premises. */
  | { readonly state: "refused"; readonly fingerprint: string; readonly reason: string };

/** Displayed length of a fingerprint: short enough to type, and long enough to tell queries apart. */
const fingerprintLength = 16;

/** Identifies a query: the beginning of a SHA-256, the same on every installation. */
export function queryFingerprint(source: QueryIdentity): string {
  const { databaseType, dataType, timeZone, query } = source;
  return sha256Hex(JSON.stringify([databaseType, dataType, timeZone, query])).slice(0, fingerprintLength);
}

/**
 * Decides whether this query may be used.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const source = { databaseType: "odbc", dataType: "contact", timeZone: "UTC", query: "SELECT 1" } as const;
 * const accepted = [queryFingerprint({ ...source, query: "SELECT 2" })];
 * assertEquals(approveQuery(source, { allowQueryChanges: false, accepted }).state, "refused");
 * ```
 */
export function approveQuery(
  source: QueryIdentity,
  options: {
    allowQueryChanges: boolean;
    /** Fingerprints accepted on this installation, for any integration. */
    accepted: readonly string[];
  },
): Approval {
  const fingerprint = queryFingerprint(source);
  const { accepted } = options;
  if (options.allowQueryChanges || accepted.length === 0 || accepted.includes(fingerprint)) {
    return { state: "allowed", fingerprint };
  }
  return {
    state: "refused",
    fingerprint,
    reason:
      `The query is new or was changed in the hub, and [database] allowQueryChanges is false: nothing is imported until the ` +
      `query ${fingerprint} is accepted on this installation. Read it in the log, then run ` +
      `${typedCommand(`query --accept ${fingerprint}`)}, or change it back in the hub.`,
  };
}

/**
 * `kept`: the installation's own connection takes precedence over the hub's. `reason` says what to add to the
 * configuration.
 */
export type ChosenConnection =
  | { readonly ok: true; readonly connection: KnownConnection; readonly kept: boolean }
  | { readonly ok: false; readonly reason: string };

/**
 * Which connection is used: the installation's own, if there is one, else the hub's. `kept` is that of `[database]`;
 * its password has already been read from its file.
 */
export function chooseConnection(
  source: DatabaseSource,
  kept: KnownConnection | undefined,
  options: { keptType?: DatabaseSource["databaseType"] | undefined } = {},
): ChosenConnection {
  const { keptType = source.databaseType } = options;
  if (kept?.by === "parts" && keptType !== source.databaseType) {
    return {
      ok: false,
      reason:
        `The integration is of database type ${source.databaseType}, but [database] type in the configuration is ` +
        `"${keptType}": make them the same.`,
    };
  }
  if (kept) return { ok: true, connection: kept, kept: true };
  if (source.connection.by !== "kept") return { ok: true, connection: source.connection, kept: false };
  return {
    ok: false,
    reason: "The integration says that the installation keeps the connection, but the configuration has none: add " +
      "[database] with connectionString, or host, database, user and passwordFile, and restart.",
  };
}
