/**
 * Installations that are linked already, written into the hub's store before it starts: thousands of PINs would be typed
 * otherwise, and the hub's limits on PINs stand against exactly that.
 */
import { generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { openDatabase } from "../../../src/hub/database/open.ts";
import { newId } from "../../../src/hub/ids.ts";
import type { SimulatedInstallation } from "./simulated_agent.ts";

/** Rows of one INSERT. */
const rowsPerInsert = 500;

/** Writes `count` of them, each with an integration of its own and an own ES256 key. */
export async function writeLinkedInstallations(
  dataDirectory: string,
  { accountId, count }: { accountId: string; count: number },
): Promise<readonly SimulatedInstallation[]> {
  await using data = await openDatabase(dataDirectory);
  const made: SimulatedInstallation[] = [];
  const nowMs = Date.now();
  while (made.length < count) {
    const some = Array.from({ length: Math.min(rowsPerInsert, count - made.length) }, (_, index) => {
      const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return {
        number: made.length + index,
        clientId: newId(),
        integrationId: newId(),
        linkId: newId(),
        publicKey: publicKey.export({ format: "jwk" }),
        privateKey: privateKey.export({ format: "jwk" }) as JsonWebKey,
      };
    });
    await data.database.transaction().execute(async (transaction) => {
      await transaction.insertInto("integration").values(some.map(({ integrationId, number }) => ({
        id: integrationId,
        accountId,
        name: `Site ${number}`,
        type: "csv",
        settings: "{}",
        draft: 0,
        paused: 0,
        pausedAt: null,
        createdAt: nowMs,
        deletedAt: null,
        importCount: 0,
        lastImportAt: null,
      }))).execute();
      await transaction.insertInto("installation").values(some.map(({ clientId, publicKey, number }) => ({
        id: clientId,
        jwk: JSON.stringify({ kty: publicKey.kty, crv: publicKey.crv, x: publicKey.x, y: publicKey.y }),
        hostName: `acd-${number}`,
        version: "0.1.0",
        system: "linux 6.1.0 x86_64",
        name: "com.injixo.cloud-link",
        address: "127.0.0.1",
        registeredAt: nowMs,
        pinAt: nowMs,
        everLinked: 1,
        lastSeenAt: null,
        report: null,
        reportedAt: null,
        problemSince: null,
      }))).execute();
      await transaction.insertInto("link").values(some.map(({ linkId, integrationId, clientId }) => ({
        id: linkId,
        integrationId,
        installationId: clientId,
        createdAt: nowMs,
        endedAt: null,
        endReason: null,
        epoch: nowMs,
      }))).execute();
    });
    for (const { number: _number, publicKey: _publicKey, ...installation } of some) made.push(installation);
  }
  return made;
}
