/**
 * Integrations that this installation was ever linked to. Ledgers and spool belong to the account and integration, not
 * to the link: linking the same integration again finds all of it, another integration finds nothing.
 */
import type { Link } from "../protocol/linking.ts";
import type { StateDatabase } from "./state_database.ts";

/** Identifies an integration in the state database. */
export type IntegrationKey = number;

/** What identifies an integration across links. */
export interface IntegrationName {
  readonly accountId: string;
  readonly integrationId: string;
}

/** The integration of a link. */
export function integrationNameOf({ account, integration }: Pick<Link, "account" | "integration">): IntegrationName {
  return { accountId: account.id, integrationId: integration.id };
}

/** The key of an integration; `undefined` if this installation was never linked to it. */
export function knownIntegrationKey(database: StateDatabase, name: IntegrationName): IntegrationKey | undefined {
  return database.get<{ key: number }>(
    "SELECT key FROM integration WHERE account_id = ? AND integration_id = ?",
    name.accountId,
    name.integrationId,
  )?.key;
}

/** The key of an integration, created if it is not known yet. */
export function integrationKey(database: StateDatabase, name: IntegrationName): IntegrationKey {
  const known = knownIntegrationKey(database, name);
  if (known !== undefined) return known;
  return database.transaction(() => {
    database.run(
      "INSERT INTO integration (account_id, integration_id) VALUES (?, ?)",
      name.accountId,
      name.integrationId,
    );
    const made = knownIntegrationKey(database, name);
    if (made === undefined) throw new Error("Cannot store the integration: the database did not keep it");
    return made;
  });
}

/** Records when the integration was deleted in the hub; `undefined`: it exists. Part of the caller's transaction. */
export function setDeleted(database: StateDatabase, key: IntegrationKey, at: number | undefined): void {
  database.run(
    "UPDATE integration SET deleted_at = ?1 WHERE key = ?2 AND deleted_at IS NOT ?1",
    at ?? null,
    key,
  );
}

/** Highest sequence number given to a batch of the integration, 0 for none. */
export function lastSequence(database: StateDatabase, key: IntegrationKey): number {
  return database.get<{ sequence: number }>("SELECT sequence FROM integration WHERE key = ?", key)?.sequence ?? 0;
}

/** Records that sequence numbers up to `sequence` are taken. Part of the caller's transaction. */
export function raiseSequence(database: StateDatabase, key: IntegrationKey, sequence: number): void {
  database.run("UPDATE integration SET sequence = max(sequence, ?) WHERE key = ?", sequence, key);
}

/**
 * The hub knows numbers up to `sequence`. If they are above this state's, it is an older copy that was put back: what
 * waits, in the same order, and what follows must have higher ones, or the hub ignores their rows. Part of the caller's
 * transaction.
 */
export function outnumber(database: StateDatabase, key: IntegrationKey, sequence: number): void {
  const last = lastSequence(database, key);
  if (sequence <= last) return;
  const first = database.get<{ sequence: number | null }>(
    "SELECT min(sequence) AS sequence FROM batch WHERE integration = ? AND state = 'waiting'",
    key,
  )?.sequence ?? last + 1;
  database.run(
    `UPDATE batch SET sequence = sequence + ?1, declaration = json_set(declaration, '$.sequence', sequence + ?1)
       WHERE integration = ?2 AND state = 'waiting'`,
    sequence + 1 - first,
    key,
  );
  raiseSequence(database, key, sequence + 1 - first + last);
}

/** A successful import; `at` in ms since the epoch. */
export interface DoneImport {
  readonly at: number;
  readonly name: string;
}

/** The last import, `undefined` if there was none: kept so that it is known right after a restart. */
export function lastImport(database: StateDatabase, key: IntegrationKey): DoneImport | undefined {
  const row = database.get<{ last_import_at: number | null; last_import_name: string | null }>(
    "SELECT last_import_at, last_import_name FROM integration WHERE key = ?",
    key,
  );
  if (row === undefined || row.last_import_at === null) return undefined;
  return { at: row.last_import_at, name: row.last_import_name ?? "" };
}

/** Records a successful import, not durably by itself: either part of the caller's transaction, or recoverable. */
export function recordImport(database: StateDatabase, key: IntegrationKey, done: DoneImport): void {
  database.transaction(
    () =>
      database.run(
        "UPDATE integration SET last_import_at = ?, last_import_name = ? WHERE key = ?",
        done.at,
        done.name,
        key,
      ),
    { relaxed: true },
  );
}
