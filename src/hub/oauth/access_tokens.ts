/**
 * Access tokens of agents: JWTs of ten minutes, signed with the hub's own key, that name an installation and its link.
 * Every request checks that the link is still current, so unlinking takes effect at once.
 */
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import type { Clock } from "../../runtime/clock.ts";
import type { GroupCommit } from "../database/group_commit.ts";
import { PreparedQuery } from "../database/prepared.ts";
import type { Database, Tables } from "../database/schema.ts";
import { newId } from "../ids.ts";
import { accessTokenSeconds, lastSeenResolutionMs } from "../limits.ts";
import { HubProblem } from "../services.ts";

/** An installation with a current link. */
export interface AgentIdentity {
  readonly installationId: string;
  readonly linkId: string;
  readonly integrationId: string;
  readonly accountId: string;
}

const header = encode({ alg: "HS256", typ: "at+jwt" });
const Claims = z.object({ iss: z.string(), sub: z.string(), link: z.string(), exp: z.number() });

/** How many tokens are remembered as having a valid signature. */
const verifiedMax = 20_000;

/**
 * Issues and verifies them (RFC 9068's `at+jwt`, HS256). All hubs on a database share one key, so each accepts the
 * others' tokens.
 */
export class AccessTokens {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #key: Uint8Array;
  readonly #issuer: () => string;
  readonly #writes: GroupCommit;
  readonly #link: PreparedQuery<LinkRow>;
  readonly #verified = new Map<string, z.infer<typeof Claims>>();

  constructor(
    options: { database: Database; writes: GroupCommit; clock: Clock; key: Uint8Array; issuer: () => string },
  ) {
    this.#database = options.database;
    this.#writes = options.writes;
    this.#link = linkQuery(options.database);
    this.#clock = options.clock;
    this.#key = options.key;
    this.#issuer = options.issuer;
  }

  /** A token for one link. */
  issue({ installationId, linkId }: { installationId: string; linkId: string }): string {
    const iat = Math.floor(this.#clock.now() / 1000);
    const signed = `${header}.${
      encode({
        iss: this.#issuer(),
        sub: installationId,
        link: linkId,
        iat,
        exp: iat + accessTokenSeconds,
        jti: newId(),
      })
    }`;
    return `${signed}.${this.#sign(signed).toString("base64url")}`;
  }

  /** The identity behind a token; throws {@linkcode HubProblem} `not-authenticated` or, with the reason, `unlinked`. */
  async authenticate(token: string | undefined, options: { address: string }): Promise<AgentIdentity> {
    const claims = this.#verify(token ?? "");
    if (claims === undefined) {
      throw new HubProblem("not-authenticated", "The access token is missing, wrong or expired. Ask for a new one.");
    }
    const row = await this.#link.first(this.#database, [claims.link, claims.sub]);
    if (row === undefined) {
      // The hub was restored from a backup. The integration may exist, so what waits for it must not be dropped.
      throw new HubProblem("unlinked", "The hub does not know this link.", { reason: "moved" });
    }
    if (row.endedAt !== null) {
      throw new HubProblem("unlinked", "This installation is no longer linked to the integration.", {
        reason: row.endReason ?? "integration-deleted",
      });
    }
    const now = this.#clock.now();
    if ((row.lastSeenAt ?? 0) < now - lastSeenResolutionMs) {
      await this.#writes.run(
        (transaction) =>
          transaction.updateTable("installation").set({ lastSeenAt: now, address: options.address })
            .where("id", "=", claims.sub).execute(),
        { durable: false },
      );
    }
    return {
      installationId: claims.sub,
      linkId: claims.link,
      integrationId: row.integrationId,
      accountId: row.accountId,
    };
  }

  /** Verifying a signature is pure, so its result is cached; whether the token has expired is not. */
  #verify(token: string): z.infer<typeof Claims> | undefined {
    const known = this.#verified.get(token);
    const claims = known ?? this.#verifySignature(token);
    if (claims === undefined || claims.exp * 1000 <= this.#clock.now()) return undefined;
    if (known === undefined) {
      this.#verified.set(token, claims);
      if (this.#verified.size > verifiedMax) this.#verified.delete(this.#verified.keys().next().value ?? "");
    }
    return claims;
  }

  #verifySignature(token: string): z.infer<typeof Claims> | undefined {
    const [head, body, signature] = token.split(".");
    if (head !== header || body === undefined || signature === undefined) return undefined;
    const given = new Uint8Array(Buffer.from(signature, "base64url"));
    const expected = new Uint8Array(this.#sign(`${head}.${body}`));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    const claims = Claims.safeParse(JSON.parse(Buffer.from(body, "base64url").toString()));
    return claims.success && claims.data.iss === this.#issuer() ? claims.data : undefined;
  }

  #sign(text: string): Buffer {
    return createHmac("sha256", this.#key).update(text).digest();
  }
}

type LinkRow = Pick<Tables["link"], "endedAt" | "endReason" | "integrationId"> & {
  readonly accountId: string;
  readonly lastSeenAt: number | null;
};

function linkQuery(database: Database): PreparedQuery<LinkRow> {
  return new PreparedQuery(
    database.selectFrom("link")
      .innerJoin("integration", "integration.id", "link.integrationId")
      .innerJoin("installation", "installation.id", "link.installationId")
      .select([
        "link.endedAt",
        "link.endReason",
        "link.integrationId",
        "integration.accountId",
        "installation.lastSeenAt",
      ])
      .where("link.id", "=", "link").where("link.installationId", "=", "installation").compile(),
  );
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
