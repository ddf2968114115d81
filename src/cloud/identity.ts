/** This installation's identity at the hub, and where it is stored. */
import { exportJWK, generateKeyPair, type JWK } from "jose";

/** Our own ES256 key, and the id given to it by the hub it was registered at. */
export interface Identity {
  /** Secret: never logged, never sent. */
  readonly privateKey: JWK;
  readonly registration: Registration | undefined;
}

/** The hub's registration of the key. */
export interface Registration {
  readonly clientId: string;
  /** Origin of the hub: other hubs do not know the client. */
  readonly hubUrl: string;
}

/** Where the identity is stored. */
export interface IdentityStore {
  load(): Identity | undefined;
  /** When it returns, the identity is durable. */
  save(identity: Identity): void;
}

/** A new identity, not registered yet. */
export async function newIdentity(): Promise<Identity> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { privateKey: await exportJWK(privateKey), registration: undefined };
}

/** The public half of a private EC key. */
export function publicJwk(privateKey: JWK): { kty: "EC"; crv: "P-256"; x: string; y: string } {
  const { kty, crv, x, y } = privateKey;
  if (kty !== "EC" || crv !== "P-256" || x === undefined || y === undefined) {
    throw new Error(
      "Cannot use the stored identity: its key is not an ES256 key. Delete the state folder to link again.",
    );
  }
  return { kty: "EC", crv: "P-256", x, y };
}
