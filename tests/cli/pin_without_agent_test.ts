import { assertEquals, assertMatch } from "../assert.ts";
import { eventually } from "../eventually.ts";
import { Installation, outcome } from "./cli.ts";

Deno.test("pin without a running agent starts one, links, stops it, and the link is there for the service", async () => {
  await using cloud = await Installation.make();
  const hub = cloud.start(["hub", "--data", "data", "--listen", "127.0.0.1:0", "--json"]);
  const hubLines = lines(hub.stdout);
  try {
    const { url } = JSON.parse(await lineWith(hubLines, '"ready"')) as { url: string };
    const { token } = JSON.parse((await cloud.run("hub", "token", "add", "--data", "data", "--json", "t")).out);
    const call = async (path: string, body: unknown) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
      return await response.json();
    };
    await using installation = await Installation.make(`[hub]\nurl = "${url}"\n`);
    const pin = installation.start(["pin"]);
    const pinLines = lines(pin.stdout);
    const [, digits] = /pin: (\d{6}) /.exec(await lineWith(pinLines, "Enter your pin")) ?? [];
    const { id } = await call("/api/v1/integrations", { name: "Telefonie", type: "csv" });
    await call(`/api/v1/integrations/${id}/link`, { pin: digits });
    assertMatch(await lineWith(pinLines, "Linked"), /integration "Telefonie"/);
    await pinLines.return?.(undefined);
    await pin.stderr.cancel();
    assertEquals((await pin.status).code, 0);

    assertEquals((await installation.run("status")).code, 4); // nothing is left running
    const agent = installation.start(["run"]);
    try {
      await eventually(async () => (await installation.run("status")).out.includes("Telefonie"));
    } finally {
      agent.kill("SIGTERM");
    }
    assertEquals((await outcome(agent)).code, 0);
  } finally {
    hub.kill("SIGTERM");
    await hubLines.return?.(undefined);
    await hub.stderr.cancel();
    await hub.status;
  }
});

async function* lines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, void, undefined> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const complete = (rest + text).split("\n");
    rest = complete.pop() ?? "";
    yield* complete;
  }
}

/** The next line that has `text` in it. */
async function lineWith(from: AsyncGenerator<string, void, undefined>, text: string): Promise<string> {
  while (true) {
    const { value, done } = await from.next();
    if (done) throw new Error(`The output ended without "${text}"`);
    if (value.includes(text)) return value;
  }
}
