/** Proves the installation's key to the hub: `private_key_jwt` (RFC 7523). */
import { importJWK, SignJWT } from "jose";
import { clientAssertionType } from "../protocol/linking.ts";
import type { Identity, Registration } from "./identity.ts";

/** How long an assertion is valid, in seconds. */
const assertionSeconds = 60;
/** How far in the past it starts, since the Date of an answer is only accurate to a second. */
const leewaySeconds = 5;

/** The form fields that authenticate a request to an OAuth endpoint. */
export async function clientAuthentication(
  identity: Identity,
  options: { registration: Registration; audience: string; nowMs: number },
): Promise<Record<string, string>> {
  const { clientId } = options.registration;
  const nowSeconds = Math.floor(options.nowMs / 1000);
  const assertion = await new SignJWT({})
    .setProtectedHeader({ alg: "ES256", typ: "JWT" })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(options.audience)
    .setJti(crypto.randomUUID())
    .setIssuedAt(nowSeconds - leewaySeconds)
    .setExpirationTime(nowSeconds + assertionSeconds)
    .sign(await importJWK(identity.privateKey, "ES256"));
  return { client_id: clientId, client_assertion_type: clientAssertionType, client_assertion: assertion };
}
