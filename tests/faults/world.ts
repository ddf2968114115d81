/** A hub, an installation with CSV files and one with a database, all under faults; and one round of it. */
import type { Command } from "../e2e/hub.ts";
import { type RestartableServer, startPostgresql } from "../databases/postgresql.ts";
import { type Holdings, holdings, leaked } from "./holdings.ts";
import { AgentSite, childrenOf, HubSite, type Site } from "./site.ts";
import { PostgresqlRows, rowQuery } from "./row_store.ts";
import { FileTraffic, pause, RowTraffic, type Verdict } from "./traffic.ts";
import { compileShim } from "./shim.ts";

/** How long everything may take to arrive after a fault unless said otherwise, in ms. */
const defaultPatienceMs = 180_000;
/** Lines of warnings and errors that one fault may cause at all sites together. */
const troubleLinesMax = 20;
/** What explains a fault is printed within this time once everything has arrived, in ms. */
const explainedMs = 10_000;
const lookMs = 20;
/** Idle connections are closed and idle extractors ended within this time, in ms. */
export const idleMs = 150_000;

/** What a fault says of itself once it was injected and taken back. */
export interface Injected {
  /**
   * The line that explains it, and who writes it.
   *
   * `most`: how many there may be, when several parts meet with the fault. @default 1
   */
  readonly explained: { readonly by: Site; readonly line: RegExp; readonly most?: number };
}

/** A kind of fault. */
export interface Fault {
  readonly name: string;
  /** Agents and hub go on as the same processes. */
  readonly endured?: boolean;
  /** Injects it and takes it back: when it resolves, the world is sound again, if not yet recovered. */
  inject(world: World): Promise<Injected>;
}

/** What one injection has led to. */
export interface Round extends Verdict {
  readonly fault: string;
  readonly recoveredMs: number;
  /** What else was not as it should be. */
  readonly complaints: readonly string[];
}

export interface WorldOptions {
  readonly random: () => number;
  /** Another program to run as the hub. */
  readonly hubCommand?: Command;
  /**
   * How long everything may take to arrive after a fault, in ms.
   *
   * @default 3 minutes
   */
  readonly patienceMs?: number;
}

/** Everything under test. */
export class World implements AsyncDisposable {
  readonly random: () => number;
  readonly hub: HubSite;
  readonly csv: AgentSite;
  readonly database: AgentSite;
  /** The database of the installation `database`, and its rows. */
  readonly server: RestartableServer;
  readonly store: PostgresqlRows;
  readonly files: FileTraffic;
  readonly rows: RowTraffic;
  readonly #patienceMs: number;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    parts: Pick<World, "hub" | "csv" | "database" | "server" | "store"> & { resources: AsyncDisposableStack },
    { random, patienceMs = defaultPatienceMs }: WorldOptions,
  ) {
    this.random = random;
    this.#patienceMs = patienceMs;
    this.hub = parts.hub;
    this.csv = parts.csv;
    this.database = parts.database;
    this.#resources = parts.resources;
    this.server = parts.server;
    this.store = parts.store;
    this.files = new FileTraffic(this.csv, { random });
    this.rows = new RowTraffic(this.database, { store: parts.store, random });
  }

  static async make(options: WorldOptions): Promise<World> {
    await using resources = new AsyncDisposableStack();
    const { library } = resources.use(await compileShim());
    const command = options.hubCommand === undefined ? {} : { command: options.hubCommand };
    const hub = resources.use(await HubSite.make({ library, ...command }));
    const server = resources.use(await startPostgresql());
    const store = await PostgresqlRows.make(server);
    const csv = resources.use(
      await AgentSite.make(hub.hub, { library, integration: { name: "Files", type: "csv" } }),
    );
    const database = resources.use(
      await AgentSite.make(hub.hub, {
        library,
        integration: {
          name: "Rows",
          type: "database",
          settings: {
            ...connectionOf(server),
            ...{ databaseType: "postgresql", dataType: "contact", timeZone: "UTC", query: rowQuery },
            ...{ everyMinutes: 15, history: null },
          },
        },
      }),
    );
    return new World({ hub, csv, database, server, store, resources: resources.move() }, options);
  }

  /** A random one of both agents. */
  anyAgent(): AgentSite {
    return this.random() < 0.5 ? this.csv : this.database;
  }

  /** Some time in which a fault lasts. */
  async hold(msMax = 1200): Promise<void> {
    await pause(100 + this.random() * msMax);
  }

  /** Everything arrives that is on its way. */
  async settle(): Promise<void> {
    const patienceMs = this.#patienceMs;
    await Promise.all([
      this.files.arrive(this.hub.hub, { patienceMs }),
      this.rows.arrive(this.hub.hub, { patienceMs }),
    ]);
  }

  /** What agents and hub hold now, when no query runs. */
  async holdings(): Promise<readonly Holdings[]> {
    const deadline = performance.now() + idleMs;
    while ((await childrenOf(this.database.pid)).length > 0 && performance.now() < deadline) await pause(lookMs);
    return await Promise.all([this.csv, this.database, this.hub].map(({ pid }) => holdings(pid)));
  }

  /** Waits until agents and hub hold no more than they did, and says what they still hold otherwise. */
  async rest(before: readonly Holdings[]): Promise<readonly string[]> {
    const deadline = performance.now() + idleMs;
    for (;;) {
      const now = await this.holdings();
      const complaints = before.flatMap((one, index) => leaked(one, now[index]));
      if (complaints.length === 0 || performance.now() > deadline) return complaints;
      await pause(1000);
    }
  }

  /** Injects a fault while files and rows come in, and looks at what it has led to. */
  async round(fault: Fault): Promise<Round> {
    const sites: Site[] = [this.csv, this.database, this.hub];
    const printedBefore = new Map(sites.map((site) => [site, site.printed.length]));
    const traffic = new AbortController();
    const coming = Promise.all([
      this.files.run(traffic.signal),
      this.rows.run(this.hub.hub, traffic.signal),
    ]);
    let injected: Injected;
    try {
      await pause(this.random() * 400);
      injected = await fault.inject(this);
    } finally {
      traffic.abort();
      await coming;
    }
    const startedMs = performance.now();
    await this.settle();
    const recoveredMs = performance.now() - startedMs;
    // What the fault did not concern may have arrived before an agent was back.
    await Promise.all([this.csv.hasBegun(), this.database.hasBegun()]);
    const [files, rows] = [await this.files.judge(this.hub.hub), await this.rows.judge(this.hub.hub)];
    const news = (site: Site) => site.printed.slice(printedBefore.get(site) ?? 0);
    return {
      fault: fault.name,
      recoveredMs,
      lost: [...files.lost, ...rows.lost],
      doubled: [...files.doubled, ...rows.doubled],
      changed: [...files.changed, ...rows.changed],
      complaints: [
        ...await unexplained(injected, () => news(injected.explained.by)),
        ...flood(sites.map(news)),
      ],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function connectionOf({ host, port, database, user, password }: RestartableServer): Record<string, unknown> {
  return { host, port, database, user, password };
}

/** Waits for the explanation, and complains if there is none or there are too many. */
async function unexplained({ explained }: Injected, printed: () => string): Promise<string[]> {
  const { line, most = 1 } = explained;
  const lines = () => printed().split("\n").filter((text) => line.test(text)).length;
  const deadline = performance.now() + explainedMs;
  while (lines() === 0 && performance.now() < deadline) await pause(lookMs);
  const count = lines();
  if (count >= 1 && count <= most) return [];
  return [`${count} lines match ${line} in: ${troubleLines(printed()).join("\n    ")}`];
}

function flood(printed: readonly string[]): string[] {
  const lines = printed.flatMap(troubleLines);
  return lines.length <= troubleLinesMax ? [] : [`${lines.length} lines of trouble:\n    ${lines.join("\n    ")}`];
}

function troubleLines(printed: string): string[] {
  return printed.split("\n").filter((line) => / (WARN|ERROR|FATAL) |"level":"(warning|error|fatal)"/i.test(line));
}
