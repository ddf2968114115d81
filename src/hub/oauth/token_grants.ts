/** The two ways to an access token: by the device code while a PIN is shown, and by the key alone from then on. */
import type { Link, TokenResponse } from "../../protocol/linking.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { AccessTokens } from "./access_tokens.ts";
import type { Database } from "../database/schema.ts";
import { secretHash } from "../ids.ts";
import { accessTokenSeconds } from "../limits.ts";
import { OAuthRefusal } from "./oauth_refusal.ts";

/** How much longer a client that polled too soon must wait, in seconds (RFC 8628, section 3.5). */
const slowDownSeconds = 5;
/** The network may deliver requests a little early: this much is tolerated, in ms. */
const earlyToleranceMs = 1000;

/** What both grants need once the client has proved its identity (RFC 7523). */
export interface TokenContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly accessTokens: AccessTokens;
  readonly installationId: string;
}

/** RFC 8628, section 3.4. */
export async function deviceToken(deviceCode: string, context: TokenContext): Promise<TokenResponse> {
  const { database, clock } = context;
  const device = await database.selectFrom("device").selectAll().where("deviceCodeHash", "=", secretHash(deviceCode))
    .where("installationId", "=", context.installationId).executeTakeFirst();
  if (device === undefined) throw new OAuthRefusal("invalid_grant", "This client has no such device_code.");
  const now = clock.now();
  const tooSoon = device.polledAt !== null &&
    now < device.polledAt + device.intervalSeconds * 1000 - earlyToleranceMs;
  switch (device.state) {
    case "pending":
      if (device.expiresAt <= now) throw new OAuthRefusal("expired_token", "The PIN has expired. Ask for a new one.");
      await database.updateTable("device").set({
        polledAt: now,
        intervalSeconds: device.intervalSeconds + (tooSoon ? slowDownSeconds : 0),
      }).where("id", "=", device.id).execute();
      if (tooSoon) throw new OAuthRefusal("slow_down", "Asked too soon. Wait 5 seconds longer between requests.");
      throw new OAuthRefusal("authorization_pending", "Nobody has entered the PIN yet.");
    case "replaced":
      throw new OAuthRefusal("expired_token", "The PIN was replaced by a newer one of this installation.");
    case "approved": {
      const link = await currentLink(context);
      // Answered again on request: the first answer may have been lost, and the code is useless without the key.
      if (link === undefined || link.id !== device.linkId) {
        throw new OAuthRefusal("access_denied", "The link has already ended.");
      }
      return tokenResponse(link, context);
    }
  }
}

/** RFC 6749, section 4.4. */
export async function clientCredentialsToken(context: TokenContext): Promise<TokenResponse> {
  const link = await currentLink(context);
  if (link === undefined) throw new OAuthRefusal("unauthorized_client", "This installation is not linked.");
  return tokenResponse(link, context);
}

function tokenResponse(link: Link, { accessTokens, installationId }: TokenContext): TokenResponse {
  return {
    access_token: accessTokens.issue({ installationId, linkId: link.id }),
    token_type: "Bearer",
    expires_in: accessTokenSeconds,
    link,
  };
}

async function currentLink({ database, installationId }: TokenContext): Promise<Link | undefined> {
  const row = await database.selectFrom("link").innerJoin("integration", "integration.id", "link.integrationId")
    .innerJoin("account", "account.id", "integration.accountId")
    .select([
      "link.id",
      "integration.id as integrationId",
      "integration.name as integrationName",
      "account.id as accountId",
      "account.name as accountName",
    ]).where("link.installationId", "=", installationId).where("link.endedAt", "is", null).executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    id: row.id,
    account: { id: row.accountId, name: row.accountName },
    integration: { id: row.integrationId, name: row.integrationName },
  };
}
