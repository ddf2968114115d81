import { assert, assertEquals, assertPrompt, assertRejects } from "../assert.ts";
import { noise } from "../noise.ts";
import { HubClient } from "./hub_client.ts";
import { startHubProcess } from "./hub_process.ts";
import { startTestHub } from "./start_hub.ts";
import { TestAgent } from "./test_agent.ts";

/** Something that is under way when the hub is told to stop; it answers how to clean up. */
type Busy = (given: { admin: HubClient; agent: TestAgent; integrationId: string }) => Promise<() => Promise<unknown>>;

const busy: Record<string, Busy> = {
  "a page that watches": async ({ admin, integrationId }) => {
    const response = await admin.request("GET", `/api/v1/integrations/${integrationId}/events`);
    return () => settled(response.text());
  },
  "a long poll": async ({ agent }) => {
    const first = await agent.request("GET", "assignment");
    await first.body?.cancel();
    const headers = { "if-none-match": first.headers.get("etag") ?? "", prefer: "wait=50" };
    // Settled from the start: on a busy machine the hub may be gone before the poll has connected.
    const polling = settled(agent.request("GET", "assignment", { headers }).then((response) => response.text()));
    return () => polling;
  },
  "a download that nobody reads": async ({ admin, agent, integrationId }) => {
    const content = noise(30_000_000);
    await agent.deliver(agent.batch("large.csv", content, { partBytes: 8 * 1024 * 1024 }));
    const [received] = await admin.imports(integrationId);
    const response = await admin.request("GET", `/api/v1/imports/${received?.id}/content`);
    return () => settled(response.bytes());
  },
  "an upload whose bytes do not come": async ({ agent }) => {
    const batch = agent.batch("a.csv", "a\n1\n");
    await agent.declare(batch);
    const [address] = await agent.addresses(batch);
    assert(address !== undefined);
    const { pathname, search } = new URL(address.url);
    return await sendHead(agent.url, `PUT ${pathname}${search} HTTP/1.1\r\nContent-Length: ${batch.payload.length}`);
  },
  "a body that does not come": async ({ admin }) =>
    await sendHead(
      admin.url,
      `POST /api/v1/integrations HTTP/1.1\r\nAuthorization: Bearer ${admin.token}\r\n` +
        "Content-Type: application/json\r\nContent-Length: 100",
    ),
};

Deno.test("a start that fails at its last step leaves nothing running, and the folder to the next start", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-stop-" });
  const pages = () => {
    throw new Error("there are no pages");
  };
  await assertRejects(() => startTestHub({ dataDirectory, pages }), /there are no pages/);
  await (await startTestHub({ dataDirectory }))[Symbol.asyncDispose]();
  await Deno.remove(dataDirectory, { recursive: true });
});

Deno.test("SIGTERM ends the hub at once with exit code 0, whatever is under way", async (step) => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-stop-" });
  try {
    const token = await prepare(dataDirectory);
    for (const [name, start] of Object.entries(busy)) {
      await step.step(name, async () => {
        await using hub = await startHubProcess(dataDirectory);
        const admin = new HubClient({ url: hub.url, token });
        const { id } = await admin.createIntegration(name);
        const agent = await TestAgent.linked(admin, id);
        const cleanUp = await start({ admin, agent, integrationId: id });
        const startedMs = performance.now();
        const { code } = await hub.stop("SIGTERM");
        const tookMs = performance.now() - startedMs;
        await cleanUp();
        assertEquals(code, 0);
        assertPrompt(tookMs);
      });
    }
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

/** Has a hub make the folder; the token is an administrator's. */
async function prepare(dataDirectory: string): Promise<string | undefined> {
  await using test = await startTestHub({ dataDirectory });
  return test.admin.token;
}

/** Sends the head of a request and three bytes of its body, and waits until the hub has begun to read. */
async function sendHead(url: string, head: string): Promise<() => Promise<unknown>> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  // The hub says "100 Continue" when it begins to read the body.
  const request = `${head}\r\nHost: ${hostname}:${port}\r\nExpect: 100-continue\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  await connection.read(new Uint8Array(1024));
  await connection.write(new TextEncoder().encode("abc"));
  return () => Promise.resolve(connection.close());
}

async function settled(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => {});
}
