import { assert, assertEquals } from "../assert.ts";
import { freePort } from "../free_port.ts";
import { noise } from "../noise.ts";
import { wholePayloadBytesMax } from "../../src/protocol/delivery.ts";
import { seededRandom } from "../../src/runtime/seeded_random.ts";
import { openAccounts } from "../../src/hub/access/open_accounts.ts";
import { HubClient } from "./hub_client.ts";
import { type HubProcess, startHubProcess } from "./hub_process.ts";
import { sha256, TestAgent, type TestBatch } from "./test_agent.ts";

const rounds = 12;
const batchesAtOnce = 4;
/** Decides when the hub is killed; `HUB_KILL_SEED` repeats a run. */
const seed = Number(Deno.env.get("HUB_KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);

Deno.test(`a hub killed during deliveries has each import whole or not at all, and once in the end (seed ${seed})`, async () => {
  const random = seededRandom(seed);
  let interrupted = 0;
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-kill-" });
  try {
    const listen = `127.0.0.1:${freePort()}`;
    let hub: HubProcess = await startHubProcess(dataDirectory, { listen });
    await using _last = { [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
    const token = await addToken(dataDirectory);
    const admin = new HubClient({ url: hub.url, token });
    const integration = await admin.createIntegration("killed");
    const agent = await TestAgent.linked(admin, integration.id);
    const contents = new Map<string, Uint8Array>();
    const receipts = new Set<string>();

    for (let round = 0; round < rounds; round++) {
      const batches = Array.from(
        { length: batchesAtOnce },
        (_, index) => makeBatch(agent, `r${round}-${index}.csv`, contents),
      );
      const received = ({ declaration: { origin } }: TestBatch): void => {
        receipts.add(origin.kind === "csv" ? origin.fileName : "");
      };
      const small = batches.filter(({ payload }) => payload.length <= wholePayloadBytesMax);
      const inParts = round % 2 === 0 ? batches : batches.filter((batch) => !small.includes(batch));
      using answers = countAnswers(agent);
      const delivering: Promise<void>[] = inParts.map((batch) => agent.deliver(batch).then(() => received(batch)));
      // Every other round the small ones go whole, one by one, so that the kill comes between two of them.
      if (round % 2 === 1) delivering.push(deliverWhole(agent, small, received));
      const settled = Promise.allSettled(delivering);
      // Some rounds die during the first requests, some in the middle of parts, some before the last answer.
      await Promise.race([answers.reach(Math.floor(random() * (3 * inParts.length + 1))), settled]);
      await hub.stop("SIGKILL");
      if ((await settled).some(({ status }) => status === "rejected")) interrupted++;
      hub = await startHubProcess(dataDirectory, { listen });
      await assertWhole(admin, { integrationId: integration.id, contents, receipts });
      assertEquals(await agent.fetchToken(), undefined);
      await Promise.all(batches.map((batch) => agent.deliver(batch)));
      const again = await agent.whole(small);
      assertEquals(again.map(({ state }) => state), small.map(() => "received"));
    }
    assert(interrupted >= rounds / 2, `seed ${seed}: only ${interrupted} of ${rounds} kills fell into a delivery`);
    const imports = await admin.imports(integration.id);
    assertEquals(imports.length, contents.size);
    assertEquals((await admin.integration(integration.id)).importCount, contents.size);
    const status = await hub.stop("SIGTERM");
    assertEquals(status.code, 0);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

/** Counts the answers that an agent gets, until it is disposed. A delivery in parts gets three, besides those to PUTs. */
function countAnswers(agent: TestAgent): Disposable & { reach(count: number): Promise<void> } {
  let count = 0;
  let wanted = Infinity;
  const reached = Promise.withResolvers<void>();
  const check = () => {
    if (count >= wanted) reached.resolve();
  };
  const { request } = agent;
  agent.request = async (...asked) => {
    const response = await request.apply(agent, asked);
    count++;
    check();
    return response;
  };
  return {
    reach(more) {
      wanted = more;
      check();
      return reached.promise;
    },
    [Symbol.dispose]() {
      agent.request = request;
    },
  };
}

async function deliverWhole(
  agent: TestAgent,
  batches: readonly TestBatch[],
  received: (batch: TestBatch) => void,
): Promise<void> {
  for (const batch of batches) {
    const [answer] = await agent.whole([batch]);
    assertEquals(answer?.state, "received");
    received(batch);
  }
}

async function addToken(dataDirectory: string): Promise<string> {
  await using data = await openAccounts(dataDirectory);
  return await data.accounts.addToken(await data.accounts.ensureAccount(), { name: "test", role: "administrator" });
}

/** Every third batch has several parts. */
function makeBatch(agent: TestAgent, fileName: string, contents: Map<string, Uint8Array>): TestBatch {
  const large = contents.size % 3 === 0;
  const content = noise(large ? 900_000 : 3000);
  contents.set(fileName, content);
  return agent.batch(fileName, content, { partBytes: 256 * 1024 });
}

async function assertWhole(
  admin: HubClient,
  expected: { integrationId: string; contents: ReadonlyMap<string, Uint8Array>; receipts: ReadonlySet<string> },
): Promise<void> {
  const imports = await admin.imports(expected.integrationId);
  const names = new Set(imports.map(({ fileName }) => fileName));
  assertEquals(names.size, imports.length, "an import is there twice");
  for (const name of expected.receipts) assert(names.has(name), `${name} has a receipt and is gone`);
  for (const received of imports) {
    const content = expected.contents.get(received.fileName);
    assert(content !== undefined);
    assertEquals(sha256(await admin.content(received.id)), sha256(content));
  }
}
