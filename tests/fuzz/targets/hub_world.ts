/**
 * A hub with something in it: users, integrations, a linked installation, an import. What inputs name as `{integration}`
 * or `{csrf}` is looked up here, so that an input means the same whenever it is tried.
 */
import { configure, type LogRecord, resetSync } from "@logtape/logtape";
import { consolePages } from "../../../src/hub/pages/mod.tsx";
import { startTestHub, type TestHub } from "../../hub/start_hub.ts";
import { TestAgent } from "../../hub/test_agent.ts";
import { ShiftedClock } from "../../hub/test_clock.ts";
import { databaseSource } from "./hub_samples.ts";

/** A password that was entered before; no answer but an assignment has it. */
export const storedPassword = "Zq7-stored-Zq7";

/** Who sends a request. */
export const callers = ["nobody", "wrong", "viewer", "administrator", "session", "agent"] as const;
/** One of {@linkcode callers}. */
export type Caller = (typeof callers)[number];

/** Inputs between two looks at whether everything is still there. */
const freshInputs = 500;
/** How much later it is then: limits on attempts are forgotten, and nothing has expired that matters. */
const freshMs = 16 * 60_000;

/** The hub and what is in it. */
export class World implements AsyncDisposable {
  readonly hub: TestHub;
  readonly #clock: ShiftedClock;
  readonly #errors: string[];
  readonly #viewerToken: string;
  #names: Record<string, string> = {};
  #headers: Record<Caller, Record<string, string>>;
  #agent: TestAgent | undefined;
  #secrets: readonly string[] = [];
  #inputs = 0;
  #fresh: Promise<void> = Promise.resolve();

  private constructor(options: { hub: TestHub; clock: ShiftedClock; errors: string[]; viewerToken: string }) {
    this.hub = options.hub;
    this.#clock = options.clock;
    this.#errors = options.errors;
    this.#viewerToken = options.viewerToken;
    this.#headers = { nobody: {}, wrong: {}, viewer: {}, administrator: {}, session: {}, agent: {} };
  }

  static async start(): Promise<World> {
    const errors: string[] = [];
    await configure({
      reset: true,
      sinks: { errors: (record: LogRecord) => void errors.push(record.message.map(text).join("")) },
      loggers: [
        { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
        { category: "cloud-link", lowestLevel: "error", sinks: ["errors"] },
      ],
    });
    const clock = new ShiftedClock();
    const hub = await startTestHub({ pages: consolePages, trustProxy: true, clock });
    const account = await hub.hub.accounts.ensureAccount();
    await hub.hub.accounts.addUser(account, { name: "eve", role: "administrator", password: "correct horse" });
    const viewerToken = (await hub.client("viewer")).token ?? "";
    return new World({ hub, clock, errors, viewerToken });
  }

  /** Values of the names that inputs use. */
  get names(): Readonly<Record<string, string>> {
    return this.#names;
  }

  /** What no answer may have. */
  get secrets(): readonly string[] {
    return this.#secrets;
  }

  /** What authenticates a caller. */
  headersOf(caller: Caller): Readonly<Record<string, string>> {
    return this.#headers[caller];
  }

  /** What the hub logged as errors since the last call. */
  takeErrors(): readonly string[] {
    return this.#errors.splice(0);
  }

  /** An assertion that has not been used. */
  async assertion(): Promise<string> {
    return await this.#agent?.assertion() ?? "";
  }

  /** Before each input: now and then everything is looked after. */
  prepare(): Promise<void> {
    if (this.#inputs++ % freshInputs === 0) {
      this.#clock.advance(freshMs);
      this.#fresh = this.#refresh();
    }
    return this.#fresh;
  }

  /** All is there again, and nothing else. */
  async #refresh(): Promise<void> {
    const { admin } = this.hub;
    if (this.#agent !== undefined) {
      this.#agent.clockShiftSeconds += freshMs / 1000;
      if (await this.#agent.fetchToken() === undefined) await this.#removeOthers();
      else this.#agent = undefined;
    }
    if (this.#agent === undefined) {
      await this.#removeOthers();
      this.#names["integration"] = (await admin.createIntegration("ACD")).id;
      this.#agent = await this.#link(this.#names["integration"]);
      await this.#agent.deliver(this.#agent.batch("a.csv", "a\n1\n"));
    }
    await this.#nameThings(this.#agent);
    await this.#authenticate(this.#agent);
  }

  async #link(integration: string): Promise<TestAgent> {
    const { admin } = this.hub;
    const agent = await TestAgent.register(admin.url);
    agent.clockShiftSeconds = Math.round((this.#clock.now() - Date.now()) / 1000);
    const { pin, deviceCode } = await agent.showPin();
    await admin.connect(integration, pin);
    await agent.fetchToken(deviceCode);
    return agent;
  }

  async #nameThings(agent: TestAgent): Promise<void> {
    const { admin } = this.hub;
    const [imported] = await admin.imports(this.#names["integration"] ?? "");
    const waiting = agent.batch("b.csv", `b\n${this.#inputs}\n`);
    await agent.declare(waiting);
    const [address] = await agent.addresses(waiting);
    const { type: _, connection: _connection, historyFrom: _history, ...settings } = databaseSource;
    const created = await admin.request("POST", "/api/v1/integrations", {
      json: {
        name: "Database",
        type: "database",
        settings: { ...settings, host: "db.example", database: "acd", user: "reader", password: storedPassword },
      },
    });
    const database = await created.json();
    const { pin, deviceCode } = await agent.showPin();
    Object.assign(this.#names, {
      database: String(database.id),
      import: imported?.id ?? "none",
      batch: waiting.declaration.id,
      link: agent.link?.id ?? "none",
      client: agent.clientId,
      upload: new URL(address?.url ?? this.hub.url).search.slice(1),
      pin,
      device: deviceCode,
    });
  }

  async #authenticate(agent: TestAgent): Promise<void> {
    const { sessions } = this.hub.hub.services;
    const login = await sessions.logIn({ name: "eve", password: "correct horse" }, { address: "192.0.2.1" });
    if (!login.ok) throw new Error(`Cannot log in: ${login.reason}`);
    const session = await sessions.find(login.secret);
    this.#names["csrf"] = session?.csrfToken ?? "";
    const adminToken = this.hub.admin.token ?? "";
    this.#headers = {
      nobody: {},
      wrong: { authorization: "Bearer icl_wrong" },
      viewer: { authorization: `Bearer ${this.#viewerToken}` },
      administrator: { authorization: `Bearer ${adminToken}` },
      session: { cookie: `cloud-link-session=${login.secret}`, "sec-fetch-site": "same-origin", origin: this.hub.url },
      agent: { authorization: `Bearer ${agent.token}` },
    };
    this.#secrets = [adminToken, this.#viewerToken, agent.token ?? "", login.secret, storedPassword];
  }

  async #removeOthers(): Promise<void> {
    const { admin } = this.hub;
    for (;;) {
      const response = await admin.request("GET", "/api/v1/integrations?limit=500");
      const { items } = await response.json() as { items: { id: string }[] };
      const others = items.filter(({ id }) => this.#agent === undefined || id !== this.#names["integration"]);
      if (others.length === 0) return;
      for (const { id } of others) await admin.remove(id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    resetSync();
  }
}

function text(part: unknown): string {
  return part instanceof Error ? part.stack ?? part.message : String(part);
}
