import { join } from "node:path";
import { assertEquals, assertMatch } from "../assert.ts";
import { type AgentStart, type FromAgent, plainConfig, type ToAgent } from "../../src/cli/run/agent_messages.ts";
import { supervise } from "../../src/cli/run/supervise.ts";
import { loadConfig } from "../../src/config/load.ts";
import { noNotifier } from "../../src/service/service_notifier.ts";

Deno.test("supervisor has the agent stopped and told why when the relay fails", async () => {
  const relay = Promise.withResolvers<void>();
  const told: ToAgent[] = [];
  const stopped = Promise.withResolvers<IteratorResult<FromAgent>>();
  const supervised = supervise({
    send(message) {
      told.push(message);
      stopped.resolve({ value: { type: "stopped" } });
    },
    messages: { next: () => stopped.promise },
    [Symbol.dispose]() {},
  }, {
    relay: { ended: relay.promise },
    notifier: noNotifier,
    onRunning: () => Promise.resolve(),
    onFailure: () => {},
    signal: new AbortController().signal,
  });
  relay.reject(new Error("Cannot run the relay: the listener is closed"));
  assertEquals(await supervised.catch((error) => error.message), "Cannot run the relay: the listener is closed");
  assertEquals(told, [{ type: "stop", because: "Cannot run the relay: the listener is closed" }]);
});

Deno.test("the log of an agent that was stopped for a reason tells it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "agent-" });
  const file = join(folder, "injixo-cloud-link.toml");
  await Deno.writeTextFile(file, '[hub]\nurl = "http://127.0.0.1:1"\n');
  const worker = new Worker(new URL("../../src/cli/run/agent_worker.ts", import.meta.url).href, { type: "module" });
  const told: Partial<Record<FromAgent["type"], PromiseWithResolvers<void>>> = {};
  const heard = (type: FromAgent["type"]) => told[type] ??= Promise.withResolvers();
  worker.onmessage = ({ data }: MessageEvent<FromAgent>) => heard(data.type).resolve();
  const ports = [new MessageChannel(), new MessageChannel()];
  try {
    const start: AgentStart = {
      config: plainConfig(loadConfig(file)),
      relay: { port: 1, token: "token-of-the-relay" },
      shownProxy: undefined,
      proxyTroubles: [],
      proxy: undefined,
      keptConnection: undefined,
      secrets: [],
      caCerts: [],
      machineId: undefined,
      standardError: "none",
      ownPaths: [],
      importFolderTrouble: undefined,
    };
    worker.postMessage({ type: "start", start } satisfies ToAgent, ports.map(({ port2 }) => port2));
    await heard("running").promise;
    worker.postMessage({ type: "stop", because: "the relay has failed" } satisfies ToAgent);
    await heard("stopped").promise;
    const log = await Deno.readTextFile(join(folder, "injixo-cloud-link.log"));
    assertMatch(log, /FATAL.*injixo Cloud Link cannot continue: the relay has failed/i);
  } finally {
    worker.terminate();
    for (const { port1 } of ports) port1.close();
    await Deno.remove(folder, { recursive: true });
  }
});
