/**
 * This installation's identity at the hub, as `cloud/identity.ts` needs it: its private key, and the client id it was
 * registered under.
 */
import type { JWK } from "jose";
import type { StateDatabase } from "./state_database.ts";

/**
 * The key is generated once and kept even if the hub forgets the registration: it is then registered again (RFC 7591).
 */
export interface Identity {
  /** ES256 private key. Secret: never logged, never sent. */
  readonly privateKey: JWK;
  /** The hub's id for this installation; `undefined` until it is registered. */
  readonly registration: Registration | undefined;
}

/** The response to registering the key (RFC 7591, section 3.2.1). */
export interface Registration {
  readonly clientId: string;
  /** Origin of the hub that issued the client id: other hubs do not know it. */
  readonly hubUrl: string;
}

/** The stored identity; `undefined` until the first one is created. */
export function readIdentity(database: StateDatabase): Identity | undefined {
  const row = database.get<{ private_key: string; client_id: string | null; hub_url: string | null }>(
    "SELECT private_key, client_id, hub_url FROM identity",
  );
  if (row === undefined) return undefined;
  const registration = row.client_id === null || row.hub_url === null
    ? undefined
    : { clientId: row.client_id, hubUrl: row.hub_url };
  return { privateKey: JSON.parse(row.private_key), registration };
}

/** Stores the identity, durably. `registration: undefined` forgets the client id and keeps the key. */
export function writeIdentity(database: StateDatabase, identity: Identity): void {
  database.transaction(() =>
    database.run(
      "INSERT OR REPLACE INTO identity (one, private_key, client_id, hub_url) VALUES (1, ?, ?, ?)",
      JSON.stringify(identity.privateKey),
      identity.registration?.clientId ?? null,
      identity.registration?.hubUrl ?? null,
    )
  );
}
