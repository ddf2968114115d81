/** The client against the real hub. */
import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { HubError, type WholeBatch } from "../../src/agent/ports.ts";
import { createCloud } from "../../src/cloud/cloud.ts";
import type { BatchDeclaration } from "../../src/protocol/delivery.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { relayed } from "../egress/relayed.ts";
import { startTestHub } from "../hub/start_hub.ts";
import { directTransports } from "./direct_transport.ts";
import { memoryIdentities } from "./memory_identities.ts";

const info = { hostName: "acd-server", version: "0.1.0", system: "linux", name: "com.injixo.cloud-link" };
const { signal } = new AbortController();

/** The machine's clock, but wrong. */
function clockOff(ms: number): Clock {
  return { ...systemClock, now: () => systemClock.now() + ms };
}

Deno.test("cloud client links by PIN, waits for changes, delivers, and is unlinked, by the relay and the real hub", async () => {
  await using hub = await startTestHub();
  await using net = await relayed({ allowed: [new URL(hub.url).host] });
  const { transport } = net;
  const identities = memoryIdentities();
  const options = {
    hubUrl: new URL(hub.url),
    transports: { api: transport, poll: transport, delivery: transport },
    clock: systemClock,
    identities,
    info,
  };
  const cloud = createCloud(options);
  const integration = await hub.admin.createIntegration("csv");
  const offer = await cloud.linking.requestPin(signal);
  assertEquals(await cloud.linking.pollPin(offer.device_code, signal), { state: "pending" });
  await hub.admin.connect(integration.id, offer.user_code);
  const linked = await cloud.linking.pollPin(offer.device_code, signal);
  assert(linked.state === "linked");
  assertEquals(linked.link.integration.id, integration.id);

  const first = await cloud.assignment.poll(undefined, signal);
  assert(first !== undefined);
  assertEquals((await createCloud(options).assignment.poll(undefined, signal))?.etag, first.etag, "by its key alone");
  const waiting = cloud.assignment.poll(first.etag, signal);
  await hub.admin.change(integration.id, { paused: true });
  const second = await waiting;
  assert(second !== undefined && second.assignment.paused && second.etag !== first.etag);
  await cloud.assignment.report({ version: "0.1.0", waiting: { batches: 1, bytes: 5 }, problem: null }, signal);

  const content = new TextEncoder().encode("a;b\n1;2\n");
  const payload = new Uint8Array(zstdCompressSync(content));
  const batch = declarationOf(linked.link.id, content, payload);
  const part = { offset: 0, bytes: payload.length, sha256: sha256(payload) };
  assertEquals(await cloud.delivery.missing([batch.id], signal), [batch.id]);
  assertEquals(await cloud.delivery.declare(batch, signal), { state: "wanted", parts: [], takesRuns: true });
  const early = await assertRejects(() => cloud.delivery.complete(batch.id, { parts: [part] }, signal));
  assert(early instanceof HubError && early.kind === "stale", String(early));
  const [address] = await cloud.delivery.addresses(batch.id, [part], signal);
  assert(address !== undefined);
  const wrong = await assertRejects(() => cloud.delivery.put(address, payload.map((byte) => byte ^ 1), signal));
  assert(wrong instanceof HubError && wrong.kind === "checksum", String(wrong));
  await cloud.delivery.put(address, payload, signal);
  const forged = { ...address, url: address.url.replace(/signature=./, "signature=~") };
  const refused = await assertRejects(() => cloud.delivery.put(forged, payload, signal));
  assert(refused instanceof HubError && refused.kind === "stale", String(refused));
  const receipt = await cloud.delivery.complete(batch.id, { parts: [part] }, signal);
  assertEquals(receipt?.batch, batch.id);
  assertEquals((await cloud.delivery.declare(batch, signal)).state, "received");
  assertEquals(await cloud.delivery.missing([batch.id], signal), []);

  const others = ["c;d\n3;4\n", "e;f\n5;6\n", "g\n"].map((text) => wholeBatch(linked.link.id, text));
  const [small, altered, foreign] = others;
  assert(small !== undefined && altered !== undefined && foreign !== undefined);
  assertEquals(first.assignment.wholePayloadBytes, 32 * 1024);
  const outcomes = await cloud.delivery.sendWhole([
    small,
    { ...altered, payload: altered.payload.map((byte) => byte ^ 1) },
    { ...foreign, declaration: { ...foreign.declaration, linkId: "another" } },
    { declaration: batch, payload },
  ], signal);
  assertEquals(
    outcomes.map((outcome) => outcome.state === "failed" ? outcome.error.kind : outcome.state),
    ["received", "checksum", "refused", "received"],
  );
  assertEquals(outcomes[3]?.state === "received" && outcomes[3].receipt, receipt);
  assertEquals(await cloud.delivery.missing(others.map(({ declaration }) => declaration.id), signal), [
    altered.declaration.id,
    foreign.declaration.id,
  ]);

  await cloud.linking.giveUp(linked.link, signal);
  const unlinked = await assertRejects(() => cloud.delivery.sendWhole([altered], signal));
  assert(unlinked instanceof HubError && unlinked.kind === "unlinked", String(unlinked));
  const ended = await assertRejects(() => cloud.assignment.poll(second.etag, signal));
  assert(ended instanceof HubError && ended.kind === "unlinked", String(ended));
});

Deno.test("cloud client tells why the link has ended", async () => {
  await using hub = await startTestHub();
  using transports = directTransports();
  const cloud = createCloud({
    hubUrl: new URL(hub.url),
    transports,
    clock: systemClock,
    identities: memoryIdentities(),
    info,
  });
  const integration = await hub.admin.createIntegration("csv");
  const offer = await cloud.linking.requestPin(signal);
  await hub.admin.connect(integration.id, offer.user_code);
  await cloud.linking.pollPin(offer.device_code, signal);
  const first = await cloud.assignment.poll(undefined, signal);
  const waiting = assertRejects(() => cloud.assignment.poll(first?.etag, signal));
  await hub.admin.remove(integration.id);
  const ended = await waiting;
  assert(ended instanceof HubError && ended.kind === "unlinked", String(ended));
  assertEquals(ended.unlinkReason, "integration-deleted");
});

for (const [name, ms] of [["a year ahead", 365 * 86_400_000], ["a year behind", -365 * 86_400_000]] as const) {
  Deno.test(`cloud client works with a clock that is ${name}`, async () => {
    await using hub = await startTestHub();
    using transports = directTransports();
    const clock = clockOff(ms);
    const cloud = createCloud({
      hubUrl: new URL(hub.url),
      transports,
      clock,
      identities: memoryIdentities(),
      info,
    });
    const offer = await cloud.linking.requestPin(signal);
    assertEquals(offer.user_code.length, 6);
  });
}

Deno.test("cloud client registers again where its key is not known", async () => {
  const identities = memoryIdentities();
  using transports = directTransports();
  {
    await using hub = await startTestHub();
    const options = { hubUrl: new URL(hub.url), transports, clock: systemClock, identities, info };
    await createCloud(options).linking.requestPin(signal);
    const { registration } = identities.load() ?? {};
    await createCloud(options).linking.requestPin(signal);
    assertEquals(identities.load()?.registration, registration, "a known key is registered once");
    // The hub has forgotten the key:
    const identity = identities.load();
    assert(identity?.registration !== undefined);
    identities.save({ ...identity, registration: { ...identity.registration, clientId: "forgotten" } });
    const stale = await assertRejects(() => createCloud(options).assignment.poll(undefined, signal));
    assert(stale instanceof HubError && stale.kind === "unknown-installation", String(stale));
    await createCloud(options).linking.requestPin(signal);
    assert(identities.load()?.registration?.clientId !== "forgotten");
  }
  await using other = await startTestHub();
  const before = identities.load();
  await createCloud({ hubUrl: new URL(other.url), transports, clock: systemClock, identities, info }).linking
    .requestPin(signal);
  assert(identities.load()?.privateKey.x !== before?.privateKey.x, "another hub gets another key");
});

function wholeBatch(linkId: string, text: string): WholeBatch {
  const content = new TextEncoder().encode(text);
  const payload = new Uint8Array(zstdCompressSync(content));
  return { declaration: declarationOf(linkId, content, payload), payload };
}

function declarationOf(linkId: string, content: Uint8Array, payload: Uint8Array): BatchDeclaration {
  return {
    id: sha256(content),
    linkId,
    sequence: 1,
    lane: "live",
    origin: { kind: "csv", fileName: "a.csv", modifiedAt: null },
    sha256: sha256(content),
    bytes: content.length,
    payloadSha256: sha256(payload),
    payloadBytes: payload.length,
    createdAt: new Date().toISOString(),
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
