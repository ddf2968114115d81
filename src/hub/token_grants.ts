/** The two ways to an access token: by the device code while a PIN is shown, and by the key alone from then on. */
import type { Link, TokenResponse } from "../protocol/linking.ts";
import type { Clock } from "../runtime/clock.ts";
import type { AccessTokens } from "./access_tokens.ts";
import type { Database } from "./database/schema.ts";
import { secretHash } from "./ids.ts";
import { accessTokenSeconds } from "./limits.ts";
import { OAuthRefusal } from "./oauth_refusal.ts";

/** How much more a client must wait that asked too soon, in seconds (RFC 8628, section 3.5). */
const slowDownSeconds = 5;
/** Answers come a little early over the network: this much is forgiven, in ms. */
const earlyToleranceMs = 1000;

export interface TokenContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly accessTokens: AccessTokens;
  readonly installationId: string;
}

/** RFC 8628, section 3.4. */
export async function deviceToken(deviceCode: string, context: TokenContext): Promise<TokenResponse> {
  const { database, clock } = context;
  const device = await database.selectFrom("device").selectAll().where("device_code_hash", "=", secretHash(deviceCode))
    .where("installation_id", "=", context.installationId).executeTakeFirst();
  if (device === undefined) throw new OAuthRefusal("invalid_grant", "There is no such device_code of this client.");
  const now = clock.now();
  const tooSoon = device.polled_at !== null &&
    now < device.polled_at + device.interval_seconds * 1000 - earlyToleranceMs;
  switch (device.state) {
    case "pending":
      if (device.expires_at <= now) throw new OAuthRefusal("expired_token", "The PIN has expired. Ask for a new one.");
      await database.updateTable("device").set({
        polled_at: now,
        interval_seconds: device.interval_seconds + (tooSoon ? slowDownSeconds : 0),
      }).where("id", "=", device.id).execute();
      if (tooSoon) throw new OAuthRefusal("slow_down", "Asked too soon. Wait 5 seconds more between two requests.");
      throw new OAuthRefusal("authorization_pending", "Nobody has entered the PIN yet.");
    case "replaced":
      throw new OAuthRefusal("expired_token", "The PIN was replaced by a newer one of this installation.");
    case "approved": {
      const link = await currentLink(context);
      // Answered again when asked again: the answer may have been lost, and the code is of no use without the key.
      if (link === undefined || link.id !== device.link_id) {
        throw new OAuthRefusal("access_denied", "The link was ended again.");
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
  const row = await database.selectFrom("link").innerJoin("integration", "integration.id", "link.integration_id")
    .innerJoin("account", "account.id", "integration.account_id")
    .select([
      "link.id",
      "integration.id as integration_id",
      "integration.name as integration_name",
      "account.id as account_id",
      "account.name as account_name",
    ]).where("link.installation_id", "=", installationId).where("link.ended_at", "is", null).executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    id: row.id,
    account: { id: row.account_id, name: row.account_name },
    integration: { id: row.integration_id, name: row.integration_name },
  };
}
