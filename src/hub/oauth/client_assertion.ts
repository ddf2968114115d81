/**
 * `private_key_jwt` (RFC 7523): an installation proves its key with every request to the OAuth endpoints. An assertion
 * is short-lived, meant for this hub, and works once.
 */
import { createLocalJWKSet, decodeJwt, type JWK, jwtVerify } from "jose";
import { clientAssertionType, Id } from "../../protocol/linking.ts";
import type { Clock } from "../../runtime/clock.ts";
import { errorText } from "../../runtime/error_text.ts";
import type { GroupCommit } from "../database/group_commit.ts";
import type { Database } from "../database/schema.ts";
import { secretHash } from "../ids.ts";
import { assertionSecondsMax, clockToleranceSeconds } from "../limits.ts";
import { OAuthRefusal } from "./oauth_refusal.ts";

/** The installation that signed the assertion in `form`; throws {@linkcode OAuthRefusal} `invalid_client`. */
export async function authenticateClient(
  form: ReadonlyMap<string, string>,
  options: { database: Database; writes: GroupCommit; clock: Clock; audiences: readonly string[] },
): Promise<{ installationId: string }> {
  const { database, writes } = options;
  const assertion = form.get("client_assertion");
  if (form.get("client_assertion_type") !== clientAssertionType || assertion === undefined) {
    throw new OAuthRefusal(
      "invalid_client",
      "Send a client_assertion (private_key_jwt): public clients are not accepted.",
    );
  }
  const installationId = claimedClient(assertion);
  const givenId = form.get("client_id");
  if (givenId !== undefined && givenId !== installationId) {
    throw new OAuthRefusal("invalid_client", "The client_id is not the one in the assertion.");
  }
  const row = await database.selectFrom("installation").select("jwk").where("id", "=", installationId)
    .executeTakeFirst();
  if (row === undefined) throw new OAuthRefusal("invalid_client", "This client is not known here. Register again.");
  const claims = await verify(assertion, { ...options, installationId, jwk: JSON.parse(row.jwk) as JWK });
  // A power cut may lose this record, along with everything sent in that minute.
  const used = await writes.run((transaction) =>
    transaction.insertInto("assertion").values({
      installationId: installationId,
      jtiHash: secretHash(claims.jti),
      expiresAt: claims.exp * 1000 + clockToleranceSeconds * 1000,
    }).onConflict((conflict) => conflict.doNothing()).executeTakeFirst(), { durable: false });
  if (used.numInsertedOrUpdatedRows !== 1n) {
    throw new OAuthRefusal("invalid_client", "This assertion has already been used. Sign a new one for every request.");
  }
  return { installationId };
}

function claimedClient(assertion: string): string {
  try {
    return Id.parse(decodeJwt(assertion).sub);
  } catch (cause) {
    throw new OAuthRefusal("invalid_client", "The client_assertion is not a JWT with a client id as sub.", { cause });
  }
}

async function verify(
  assertion: string,
  options: { clock: Clock; audiences: readonly string[]; installationId: string; jwk: JWK },
): Promise<{ jti: string; exp: number }> {
  const now = options.clock.now();
  try {
    const { payload } = await jwtVerify(assertion, createLocalJWKSet({ keys: [options.jwk] }), {
      algorithms: ["ES256"],
      issuer: options.installationId,
      subject: options.installationId,
      audience: [...options.audiences],
      clockTolerance: clockToleranceSeconds,
      requiredClaims: ["exp", "jti"],
      currentDate: new Date(now),
    });
    const { jti, exp } = payload;
    if (typeof jti !== "string" || jti.length > 256 || exp === undefined) throw new Error("its jti is missing");
    if (exp * 1000 > now + (assertionSecondsMax + clockToleranceSeconds) * 1000) {
      throw new Error(`it is valid for more than ${assertionSecondsMax} seconds, or the clocks differ`);
    }
    return { jti, exp };
  } catch (cause) {
    const reason = errorText(cause);
    throw new OAuthRefusal("invalid_client", `The client_assertion is refused: ${reason}.`, { cause });
  }
}
