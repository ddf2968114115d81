/** Connect: a user enters the PIN that an installation shows. */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../runtime/clock.ts";
import { type Bucket, checkAttempts, isFull, recordAttempt } from "../access/attempts.ts";
import type { ChangeFeed } from "../agents/change_feed.ts";
import { networkOf } from "../http/client_address.ts";
import type { Database, DatabaseTransaction } from "../database/schema.ts";
import { newId } from "../ids.ts";
import { integrationRow, mayChange } from "../integrations.ts";
import { type WrongPinLimits, wrongPinLimits } from "../limits.ts";
import { endLink } from "./end_link.ts";
import { pinHmac } from "./pins.ts";
import { storedSettings } from "../settings/database_settings.ts";
import { askForTest } from "../settings/source_tests.ts";
import { type Actor, HubProblem, type Installation, type Linking, type PinShown } from "../services.ts";
import { instant, integrationView } from "../views.ts";

const log = getLogger(["cloud-link", "hub"]);

/** One transaction takes the PIN out of circulation, ends the links it replaces and creates the new one. */
export class PinLinking implements Linking {
  readonly #database: Database;
  readonly #changes: ChangeFeed;
  readonly #clock: Clock;
  readonly #pinKey: Uint8Array;
  readonly #limits: WrongPinLimits;

  constructor(
    options: {
      database: Database;
      changes: ChangeFeed;
      clock: Clock;
      pinKey: Uint8Array;
      /** @default {@linkcode wrongPinLimits} */
      limits?: WrongPinLimits;
    },
  ) {
    this.#database = options.database;
    this.#changes = options.changes;
    this.#clock = options.clock;
    this.#pinKey = options.pinKey;
    this.#limits = options.limits ?? wrongPinLimits;
  }

  async connect(actor: Actor, options: { integrationId: string; pin: string }): Promise<Installation> {
    mayChange(actor);
    const { integrationId } = options;
    const outcome = await this.#database.transaction().execute(async (transaction) => {
      await integrationRow(transaction, { actor, id: integrationId });
      const device = await this.#device(transaction, { actor, pin: options.pin });
      if (device === undefined) return undefined;
      return await this.#link(transaction, { integrationId, device });
    });
    if (outcome === undefined) throw wrongPin();
    for (const topic of [integrationId, ...outcome.left]) this.#changes.wake(topic);
    const { installation } = integrationView(
      await integrationRow(this.#database, { actor, id: integrationId }),
      { nowMs: this.#clock.now() },
    );
    if (installation === null) {
      throw new HubProblem("conflict", "It was linked elsewhere at the same moment. Try again.");
    }
    log.info("{actor} linked installation {installation} on {host} to integration {integration}.", {
      actor: actor.name,
      installation: installation.id,
      host: installation.hostName,
      integration: integrationId,
    });
    return installation;
  }

  async look(actor: Actor, pin: string): Promise<PinShown> {
    mayChange(actor);
    const found = await this.#database.transaction().execute(async (transaction) => {
      const device = await this.#device(transaction, { actor, pin });
      if (device === undefined) return undefined;
      const row = await transaction.selectFrom("installation").selectAll().where("id", "=", device.installationId)
        .executeTakeFirst();
      const link = await transaction.selectFrom("link").innerJoin("integration", "integration.id", "link.integrationId")
        .select(["integration.id", "integration.name", "integration.draft", "integration.accountId"])
        .where("link.installationId", "=", device.installationId).where("link.endedAt", "is", null).executeTakeFirst();
      return row === undefined ? undefined : { row, link };
    });
    if (found === undefined) throw wrongPin();
    const { row, link } = found;
    const linkedTo = link === undefined
      ? null
      : link.accountId === actor.account.id
      ? { id: link.id, name: link.name, draft: link.draft === 1 }
      : "another account";
    return {
      linkedTo,
      id: row.id,
      hostName: row.hostName,
      version: row.version,
      system: row.system,
      name: row.name,
      address: row.address,
      lastSeenAt: row.lastSeenAt === null ? null : instant(row.lastSeenAt),
      waiting: null,
      pinAt: row.pinAt === null ? null : instant(row.pinAt),
    };
  }

  /** The row of the live PIN; a wrong PIN is counted in the same transaction that checked the limits. */
  async #device(transaction: DatabaseTransaction, { actor, pin }: { actor: Actor; pin: string }) {
    const clock = this.#clock;
    const { user, address, all, suspects } = this.#limits;
    const account: Bucket = {
      name: `pin:account:${actor.account.id}`,
      limit: { attemptsMax: 1, windowMs: suspects.rememberedMs },
    };
    const isSuspect = await isFull(transaction, { bucket: account, clock });
    const buckets: readonly Bucket[] = [
      { name: `pin:${actor.kind}:${actor.id}`, limit: user },
      { name: `pin:address:${networkOf(actor.address)}`, limit: address },
      { name: "pin:all", limit: isSuspect ? suspects : all },
    ];
    await checkAttempts(transaction, { buckets, clock, detail: "Too many wrong PINs." });
    const device = await transaction.selectFrom("device").select(["id", "installationId"])
      .where("pinHmac", "=", pinHmac(pin, this.#pinKey)).where("state", "=", "pending")
      .where("expiresAt", ">", clock.now()).executeTakeFirst();
    if (device === undefined) await recordAttempt(transaction, { buckets: [...buckets, account], clock });
    return device;
  }

  async #link(
    transaction: DatabaseTransaction,
    options: { integrationId: string; device: { id: string; installationId: string } },
  ): Promise<{ left: readonly string[] }> {
    const { integrationId, device } = options;
    const nowMs = this.#clock.now();
    await endLink(transaction, { integrationId, reason: "moved", nowMs });
    const left = await endLink(transaction, {
      installationId: device.installationId,
      reason: "linked-elsewhere",
      nowMs,
    });
    const linkId = newId();
    await transaction.insertInto("link").values({
      id: linkId,
      integrationId: integrationId,
      installationId: device.installationId,
      createdAt: nowMs,
      endedAt: null,
      endReason: null,
      epoch: await epochOf(transaction, { integrationId, installationId: device.installationId, nowMs }),
    }).execute();
    await transaction.updateTable("device").set({ state: "approved", linkId: linkId }).where("id", "=", device.id)
      .execute();
    await transaction.updateTable("installation").set({ everLinked: 1 }).where("id", "=", device.installationId)
      .execute();
    const { settings, draft } = await transaction.selectFrom("integration").select(["settings", "draft"])
      .where("id", "=", integrationId).executeTakeFirstOrThrow();
    if (draft === 0 && storedSettings(settings) !== undefined) await askForTest(transaction, { integrationId, nowMs });
    return { left: left === undefined ? [] : [left] };
  }
}

/**
 * Later than that of every link before, also if the clock was set back in between. An installation that is linked again
 * counts on, so it keeps its epoch: what it sends late is older than what it has sent.
 */
async function epochOf(
  transaction: DatabaseTransaction,
  { integrationId, installationId, nowMs }: { integrationId: string; installationId: string; nowMs: number },
): Promise<number> {
  const last = await transaction.selectFrom("link").select(["epoch", "installationId"])
    .where("integrationId", "=", integrationId).orderBy("epoch", "desc").limit(1).executeTakeFirst();
  if (last?.installationId === installationId) return last.epoch;
  return Math.max(nowMs, (last?.epoch ?? 0) + 1);
}

function wrongPin(): HubProblem {
  return new HubProblem(
    "wrong-pin",
    'No installation shows this PIN now. PINs expire after 5 minutes: the command pin shows a new one (on Linux "sudo ./injixo-cloud-link pin").',
  );
}
