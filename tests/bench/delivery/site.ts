/** A hub and a linked installation on loopback, each a process of the compiled executable, as a service runs them. */
import { TestHub } from "../../e2e/hub.ts";
import { Installation, Program } from "../../e2e/installation.ts";

/** How often the log is looked at, in ms. */
const lookEveryMs = 2;
/** Long enough for the log's lines of one look, in bytes. */
const readBytes = 1024 * 1024;
/** How long a file without a sign that it was closed must rest: short, because waiting says nothing of speed. */
const settleSeconds = 0.1;
/** How long anything may take, in ms. */
const patienceMs = 15 * 60_000;

/** Hub and agent, linked. */
export class Site implements AsyncDisposable {
  readonly hub: TestHub;
  readonly installation: Installation;
  readonly integration: string;
  agent: Program;

  private constructor(parts: Pick<Site, "hub" | "installation" | "integration" | "agent">) {
    this.hub = parts.hub;
    this.installation = parts.installation;
    this.integration = parts.integration;
    this.agent = parts.agent;
  }

  static async start(): Promise<Site> {
    const hub = await TestHub.start();
    const installation = await Installation.make(hub.url);
    const toml =
      `[app]\nimportDirectory = "import"\n[hub]\nurl = "${hub.url}"\n[csv]\nsettleSeconds = ${settleSeconds}\n`;
    await Deno.writeTextFile(installation.configFile, toml);
    await Deno.mkdir(installation.path("import"));
    const integration = await hub.addIntegration("Bench");
    const site = new Site({ hub, installation, integration, agent: run(installation) });
    await hub.connect(integration, await site.pin());
    await site.untilLogged(/Linked to the integration/);
    return site;
  }

  /** Starts the agent, which was stopped. */
  restart(): void {
    this.agent = run(this.installation);
  }

  /** The PIN in the log. */
  async pin(): Promise<string> {
    return (await this.untilLogged(/pin: (\d{6}) /))[1] ?? "";
  }

  /** Path of a file in the import folder. */
  importPath(name: string): string {
    return this.installation.path("import", name);
  }

  /** Where the log ends now. */
  async logEnd(): Promise<number> {
    return (await Deno.stat(this.#logPath)).size;
  }

  /** Resolves as soon as lines behind `from` match. */
  async untilLogged(pattern: RegExp, { from = 0 } = {}): Promise<RegExpExecArray> {
    let text = "";
    for await (const more of this.#logText(from)) {
      const match = pattern.exec(text += more);
      if (match) return match;
    }
    throw new Error(`Never logged: ${pattern}`);
  }

  /** Resolves when so many batches have been delivered, the receipt being in the agent's hands. */
  async untilDelivered(count: number, { from }: { from: number }): Promise<void> {
    let found = 0;
    let rest = "";
    for await (const more of this.#logText(from)) {
      const lines = (rest + more).split("\n");
      rest = lines.pop() ?? "";
      found += lines.filter((line) => line.includes(" Delivered ")).length;
      if (found >= count) return;
    }
    throw new Error(`Only ${found} of ${count} batches were delivered`);
  }

  /** Pauses the integration, or has it go on; resolves when the agent knows. */
  async pause(paused: boolean): Promise<void> {
    const from = await this.logEnd();
    await this.hub.ask("PATCH", `/api/v1/integrations/${this.integration}`, { paused });
    await this.untilLogged(paused ? /is paused in the hub/ : /The integration has been resumed/, { from });
  }

  get #logPath(): string {
    return this.installation.path("injixo-cloud-link.log");
  }

  /** What is written to the log behind `from`, as it comes; ends when patience does. */
  async *#logText(from: number): AsyncGenerator<string, void, undefined> {
    const deadline = performance.now() + patienceMs;
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(readBytes);
    while (await Deno.stat(this.#logPath).then(() => false, () => performance.now() < deadline)) {
      await sleep(lookEveryMs);
    }
    using file = await Deno.open(this.#logPath);
    await file.seek(from, Deno.SeekMode.Start);
    while (performance.now() < deadline) {
      const bytes = await file.read(buffer);
      if (bytes === null) await sleep(lookEveryMs);
      else yield decoder.decode(buffer.subarray(0, bytes), { stream: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
    await this.hub[Symbol.asyncDispose]();
    await this.installation[Symbol.asyncDispose]();
  }
}

/** Nothing on standard error, as under a service manager. */
function run(installation: Installation): Program {
  return new Program(["run", "--config", installation.configFile]);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
