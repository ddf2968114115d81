/** One side of the system under faults: an installation with its agent, or the hub; started, killed and looked into. */
import { join } from "node:path";
import { connectControl } from "../../src/control/connect_control.ts";
import { type Command, TestHub } from "../e2e/hub.ts";
import { Installation, type InstallationOptions, Program } from "../e2e/installation.ts";
import { declareDurable } from "./power_cut.ts";
import { Shim } from "./shim.ts";
import { pause } from "./traffic.ts";

/** An agent has begun within this time, in ms. */
const beginsMs = 60_000;
const lookMs = 20;

/** A site that can be looked into, whoever runs there. */
export interface Site {
  readonly pid: number;
  readonly shim: Shim;
  /** All that was printed since the site was made, by all processes that ran there. */
  readonly printed: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** An installation whose agent is preloaded with a shim. */
export class AgentSite implements Site, AsyncDisposable {
  readonly installation: Installation;
  readonly integration: string;
  readonly shim: Shim;
  readonly #hub: TestHub;
  #agent: Program;
  #before = "";

  private constructor(
    installation: Installation,
    options: { integration: string; shim: Shim; hub: TestHub; agent: Program },
  ) {
    this.installation = installation;
    this.integration = options.integration;
    this.shim = options.shim;
    this.#hub = options.hub;
    this.#agent = options.agent;
  }

  /** Makes an installation, starts its agent, and links it to a new integration. */
  static async make(
    hub: TestHub,
    options: { library: string; integration: Record<string, unknown>; toml?: InstallationOptions },
  ): Promise<AgentSite> {
    const installation = await Installation.make(hub.url, options.toml);
    const root = installation.path("state");
    await Deno.mkdir(root, { mode: 0o700 });
    const durable = { root, copy: `${installation.folder}.durable` };
    await declareDurable(durable);
    const shim = await Shim.make(`${installation.folder}.block`, { library: options.library, durable });
    const { id } = await hub.ask("POST", "/api/v1/integrations", options.integration);
    const agent = installation.start({ env: shim.environment });
    const site = new AgentSite(installation, { integration: id, shim, hub, agent });
    await site.link();
    return site;
  }

  get pid(): number {
    return this.#agent.pid;
  }

  get printed(): string {
    return this.#before + this.#agent.printed;
  }

  get agent(): Program {
    return this.#agent;
  }

  async kill(): Promise<void> {
    await this.#agent.stop("SIGKILL");
  }

  start(): Promise<void> {
    this.#before += this.#agent.printed;
    this.#agent = this.installation.start({ env: this.shim.environment });
    return Promise.resolve();
  }

  /** Resolves once the agent that was started last answers commands: killed from then on, it has been running. */
  async hasBegun(): Promise<void> {
    const deadline = performance.now() + beginsMs;
    while (await connectControl(this.installation.path("state")) === undefined) {
      if (performance.now() > deadline) throw new Error(`The agent does not begin. It says:\n${this.#agent.printed}`);
      await pause(lookMs);
    }
  }

  /** Ends the agent as its administrator does. */
  async stop(): Promise<void> {
    await this.#agent.stop("SIGTERM");
  }

  /** Types the PIN that the agent shows into the hub. */
  async link(): Promise<void> {
    const [, pin = ""] = await this.#agent.waitFor(/Enter your pin: (\d{6})/);
    await this.#hub.connect(this.integration, pin);
    await this.#agent.waitFor(/Linked to the integration/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.installation[Symbol.asyncDispose]();
    await Deno.remove(this.shim.durable.copy, { recursive: true });
    await Deno.remove(`${this.installation.folder}.block`);
  }
}

/** A hub that is preloaded with a shim. */
export class HubSite implements Site, AsyncDisposable {
  readonly hub: TestHub;
  readonly shim: Shim;
  #before = "";

  private constructor(hub: TestHub, shim: Shim) {
    this.hub = hub;
    this.shim = shim;
  }

  static async make(options: { library: string; command?: Command }): Promise<HubSite> {
    const folder = await Deno.makeTempDir({ prefix: "cloud-link-hub-" });
    const root = join(folder, "data");
    await Deno.mkdir(root, { mode: 0o700 });
    const durable = { root, copy: join(folder, "durable") };
    await declareDurable(durable);
    const shim = await Shim.make(join(folder, "block"), { library: options.library, durable });
    const command = options.command === undefined ? {} : { command: options.command };
    return new HubSite(await TestHub.start({ ...command, folder, env: shim.environment }), shim);
  }

  get pid(): number {
    return this.hub.pid;
  }

  get printed(): string {
    return this.#before + this.hub.printed;
  }

  async kill(): Promise<void> {
    await this.hub.kill();
  }

  async start(): Promise<void> {
    this.#before += this.hub.printed;
    await this.hub.restart();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
  }
}

/** Processes that this one has started, directly. */
export async function childrenOf(pid: number): Promise<number[]> {
  const found: number[] = [];
  for await (const { name: thread } of Deno.readDir(`/proc/${pid}/task`)) {
    const text = await Deno.readTextFile(`/proc/${pid}/task/${thread}/children`).catch(() => "");
    found.push(...text.split(" ").filter((child) => child !== "").map(Number));
  }
  return found;
}
