/** What the running agent answers to commands, by the control channel. */
import { Agent, type AgentOptions } from "../../src/agent/agent.ts";
import { HubError } from "../../src/agent/ports.ts";
import { type ServedInstallation, serveInstallation } from "../../src/cli/run/control_handlers.ts";
import { connectControl, type ControlClient } from "../../src/control/connect_control.ts";
import type { DeviceAuthorizationResponse } from "../../src/protocol/linking.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";

const never = new AbortController().signal;

/** An agent without a link that is served; the test answers its requests for a PIN, and sees how often it is looked at. */
class ServedAgent implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  #asked: PromiseWithResolvers<DeviceAuthorizationResponse>[] = [];
  #onAsked = Promise.withResolvers<void>();
  #looks = Promise.withResolvers<void>();
  #looksLeft = Infinity;
  readonly client: Promise<ControlClient>;

  constructor(stateFolder: string) {
    const hubUrl = new URL("https://hub.example");
    const options: Partial<AgentOptions> = {
      clock: systemClock,
      random: () => 1,
      hubUrl,
      linkStore: { load: () => undefined, save() {}, end() {} },
      spool: { use() {}, waiting: () => ({ batches: 0, bytes: 0 }) },
      linkingClient: {
        requestPin: () => {
          const answer = Promise.withResolvers<DeviceAuthorizationResponse>();
          this.#asked.push(answer);
          this.#onAsked.resolve();
          return answer.promise;
        },
        pollPin: () => Promise.resolve({ state: "pending" }),
        giveUp: () => Promise.resolve(),
      },
    };
    const agent = new Agent(options as AgentOptions);
    const watchLink = agent.watchLink.bind(agent);
    agent.watchLink = (wake) => {
      if (--this.#looksLeft <= 0) this.#looks.resolve();
      return watchLink(wake);
    };
    const running = Promise.withResolvers<void>();
    const served = {
      agent,
      state: { folder: stateFolder },
      spool: {
        waiting: () => ({ batches: 0, bytes: 0, oldestAt: undefined }),
        waitingForOthers: () => ({ batches: 0, bytes: 0 }),
      },
      config: { app: { name: "test" }, folder: stateFolder, hub: { url: hubUrl } },
      start: { shownProxy: undefined },
      clock: systemClock,
      lastError: () => null,
      check: () => Promise.resolve([]),
      onRunning: () => running.resolve(),
    } as unknown as ServedInstallation;
    const { signal } = this.#stop;
    this.#running = Promise.allSettled([agent.run(signal), serveInstallation(served, signal)]);
    this.client = running.promise.then(async () => {
      const client = await connectControl(stateFolder);
      assert(client);
      return client;
    });
  }

  /** The next request for a PIN, when it has come. */
  async asked(): Promise<PromiseWithResolvers<DeviceAuthorizationResponse>> {
    while (this.#asked.length === 0) {
      await this.#onAsked.promise;
      this.#onAsked = Promise.withResolvers();
    }
    return this.#asked.shift() as PromiseWithResolvers<DeviceAuthorizationResponse>;
  }

  /** Resolves when a command has looked at the agent so many times more. */
  looks(times: number): Promise<void> {
    this.#looksLeft = times;
    this.#looks = Promise.withResolvers();
    return this.#looks.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

async function withAgent(act: (agent: ServedAgent, client: ControlClient) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await using agent = new ServedAgent(folder);
    await act(agent, await agent.client);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const refused = () => new HubError("Cannot connect to hub.example: connection refused", { kind: "unreachable" });

Deno.test("pin waits for the try that it has asked for, and does not report an earlier one", () =>
  withAgent(async (agent, client) => {
    (await agent.asked()).reject(refused());
    const pin = client.pin(never);
    const { resolve } = await agent.asked();
    await agent.looks(2);
    resolve({
      device_code: "d".repeat(32),
      user_code: "424242",
      verification_uri: "https://hub.example",
      expires_in: 300,
      interval: 5,
    });
    assertEquals((await pin).pin, "424242");
  }));

Deno.test("pin tells at once why the try that it has asked for has failed", () =>
  withAgent(async (agent, client) => {
    (await agent.asked()).reject(new HubError("an earlier failure", { kind: "busy" }));
    const pin = assertRejects(() => client.pin(never), /^No PIN: Cannot connect to hub.example: connection refused$/);
    (await agent.asked()).reject(refused());
    await pin;
  }));

Deno.test("status tells a hub that refuses from one that cannot be reached, and neither from one that was not heard of yet", () =>
  withAgent(async (agent, client) => {
    const firstTry = await agent.asked();
    const { reachable, lastContactAt } = (await client.status(never)).hub;
    assertEquals([reachable, lastContactAt], [null, null]);
    firstTry.reject(new HubError("The hub refuses (429).", { kind: "busy" }));
    const refuses = (await client.status(never)).hub;
    assertEquals([refuses.reachable, refuses.problem], [true, "The hub refuses (429)."]);
    const pin = assertRejects(() => client.pin(never));
    (await agent.asked()).reject(refused());
    await pin;
    assertEquals((await client.status(never)).hub.reachable, false);
  }));
