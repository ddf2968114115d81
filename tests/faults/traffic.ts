/** What comes in while faults are injected: CSV files and rows of a database; and what of it the hub has. */
import { createHash } from "node:crypto";
import type { ArrivedImport, TestHub } from "../e2e/hub.ts";
import type { RowStore } from "./row_store.ts";
import type { AgentSite } from "./site.ts";

/** Longest time between two arrivals, in ms. */
const betweenMsMax = 400;
/** Rows are at most this old, in ms: well within what live data is read again. */
const rowAgeMsMax = 40 * 60_000;
/** How often the agent is asked to look at its database while rows are awaited, in ms. */
const importNowEveryMs = 1500;
const pollMs = 60;

/** What was found wrong at the hub. */
export interface Verdict {
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly changed: readonly string[];
}

/** Files for one installation. */
export class FileTraffic {
  readonly #site: AgentSite;
  readonly #random: () => number;
  /** SHA-256 by name. */
  readonly #dropped = new Map<string, string>();
  readonly #judged = new Set<string>();
  /** Whose content was found to be right, by name: the hub's id of it. */
  readonly #compared = new Map<string, string>();
  readonly #takenIn = new Set<string>();
  readonly #kept = new Set<string>();
  #lookedTo = 0;
  #count = 0;

  constructor(site: AgentSite, { random }: { random: () => number }) {
    this.#site = site;
    this.#random = random;
  }

  get dropped(): number {
    return this.#dropped.size;
  }

  /** One file, mostly small; it may be deleted as soon as it is taken in, unless it is to be kept. */
  async drop({ keep = false }: { keep?: boolean } = {}): Promise<string> {
    const name = this.#newName();
    if (keep) this.#kept.add(name);
    const lines = 1 + Math.floor(this.#random() ** 6 * 100_000);
    await this.#drop(name, new TextEncoder().encode(`${name};ä\n`.repeat(lines)));
    return name;
  }

  /** One that no compression makes small. */
  async dropLarge(): Promise<void> {
    await this.#drop(this.#newName(), Uint8Array.from({ length: 300_000 }, () => this.#random() * 256));
  }

  /** A very small one. */
  async dropTiny(): Promise<string> {
    const name = this.#newName();
    await this.#drop(name, new TextEncoder().encode(`${name};\n`));
    return name;
  }

  /** Whether the agent says that it has taken in these. One that was killed may never say so of some. */
  areTakenIn(names: readonly string[]): boolean {
    this.#look();
    return names.every((name) => this.#takenIn.has(name));
  }

  #newName(): string {
    return `file-${this.#count++}.csv`;
  }

  async #drop(name: string, content: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#dropped.set(name, sha256(content));
    await this.#site.installation.drop(name, content);
  }

  /** Drops files, and deletes some of those that the agent has: whoever exports them may do so as soon as it likes. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.drop();
      await this.#deleteSome();
      await pause(this.#random() * betweenMsMax, signal);
    }
  }

  async #deleteSome(): Promise<void> {
    for (const name of this.#look()) {
      if (this.#kept.has(name) || this.#random() < 0.5) continue;
      await Deno.remove(this.#site.installation.path(name));
    }
  }

  /** Names that the log tells anew as taken in. */
  #look(): string[] {
    const { printed } = this.#site;
    const whole = printed.lastIndexOf("\n") + 1;
    const told = printed.slice(this.#lookedTo, whole).matchAll(
      / (?:Queued|csv:) (file-\d+\.csv)(?: for delivery| is not imported)/g,
    );
    this.#lookedTo = whole;
    const news = [...new Set(Array.from(told, ([, name = ""]) => name))].filter((name) => !this.#takenIn.has(name));
    for (const name of news) this.#takenIn.add(name);
    return news;
  }

  /** Waits until the hub has this one. */
  async arrives(name: string, hub: TestHub, { patienceMs }: { patienceMs: number }): Promise<void> {
    const wanted = this.#dropped.get(name);
    await until(async () => {
      return (await hub.imports(this.#site.integration)).some(({ sha256 }) => sha256 === wanted);
    }, { patienceMs });
  }

  /** Waits until the hub has all of them, or `patienceMs` have passed. */
  async arrive(hub: TestHub, { patienceMs }: { patienceMs: number }): Promise<void> {
    const { integration } = this.#site;
    const wanted = new Set(this.#dropped.values());
    await until(async () => {
      const { importCount } = await hub.ask("GET", `/api/v1/integrations/${integration}`);
      if (importCount < wanted.size) return false;
      const found = new Set((await hub.imports(integration)).map(({ sha256 }) => sha256));
      return [...wanted].every((one) => found.has(one));
    }, { patienceMs });
  }

  /** Compares everything; what was found once is not told again. */
  async judge(hub: TestHub): Promise<Verdict> {
    const arrived = new Map<string, ArrivedImport[]>();
    for (const item of await hub.imports(this.#site.integration)) {
      arrived.set(item.fileName, [...arrived.get(item.fileName) ?? [], item]);
    }
    const verdict = { lost: [] as string[], doubled: [] as string[], changed: [] as string[] };
    for (const [name, expected] of this.#dropped) {
      const [first, ...more] = arrived.get(name) ?? [];
      if (first === undefined) verdict.lost.push(name);
      else if (more.length > 0) verdict.doubled.push(name);
      else if (this.#compared.get(name) === first.id) continue;
      else if (sha256(await hub.content(first.id)) === expected) this.#compared.set(name, first.id);
      else verdict.changed.push(name);
    }
    return this.#news(verdict);
  }

  #news(verdict: Verdict): Verdict {
    const news = (names: readonly string[]) => names.filter((name) => !this.#judged.has(name));
    const result = { lost: news(verdict.lost), doubled: news(verdict.doubled), changed: news(verdict.changed) };
    for (const name of [...result.lost, ...result.doubled, ...result.changed]) this.#judged.add(name);
    return result;
  }
}

/** Rows for one installation. */
export class RowTraffic {
  readonly #site: AgentSite;
  readonly #store: RowStore;
  readonly #random: () => number;
  readonly #inserted = new Set<string>();
  readonly #judged = new Set<string>();
  #count = 0;

  constructor(site: AgentSite, { store, random }: { store: RowStore; random: () => number }) {
    this.#site = site;
    this.#store = store;
    this.#random = random;
  }

  get inserted(): number {
    return this.#inserted.size;
  }

  /** A few rows, some of them late. */
  async insert(count = 1 + Math.floor(this.#random() * 20)): Promise<void> {
    const rows = Array.from({ length: count }, () => {
      const at = Date.now() - Math.floor(this.#random() * rowAgeMsMax);
      return { id: `row-${this.#count++}`, time: new Date(at).toISOString().slice(0, 19).replace("T", " ") };
    });
    for (;;) {
      try {
        await this.#store.insert(rows);
        break;
      } catch {
        await pause(pollMs); // its server may be the one that was killed
      }
    }
    for (const { id } of rows) this.#inserted.add(id);
  }

  /** Inserts, and has the agent look for what is new, when the hub can be asked. */
  async run(hub: TestHub, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.insert();
      if (this.#random() < 0.3) await this.importNow(hub);
      await pause(this.#random() * betweenMsMax, signal);
    }
  }

  async arrive(hub: TestHub, { patienceMs }: { patienceMs: number }): Promise<void> {
    let askedAt = -Infinity;
    await until(async () => {
      if (performance.now() - askedAt > importNowEveryMs) {
        await this.importNow(hub);
        askedAt = performance.now();
      }
      const { rows } = await hub.ask("GET", `/api/v1/integrations/${this.#site.integration}/windows`);
      return rows >= this.#inserted.size;
    }, { patienceMs });
  }

  async judge(hub: TestHub): Promise<Verdict> {
    const path = `/api/v1/integrations/${this.#site.integration}/rows?format=json`;
    const rows: { queueidentifier: string; queuename: string }[] = await (await hub.request("GET", path)).json();
    const found = new Map<string, number>();
    const changed = new Set<string>();
    for (const { queueidentifier: id, queuename } of rows) {
      found.set(id, (found.get(id) ?? 0) + 1);
      if (queuename !== "Störung" || !this.#inserted.has(id)) changed.add(id);
    }
    const news = (ids: Iterable<string>) => [...ids].filter((id) => !this.#judged.has(id));
    const verdict = {
      lost: news([...this.#inserted].filter((id) => !found.has(id))),
      doubled: news([...found].filter(([, count]) => count > 1).map(([id]) => id)),
      changed: news(changed),
    };
    for (const id of [...verdict.lost, ...verdict.doubled, ...verdict.changed]) this.#judged.add(id);
    return verdict;
  }

  /** Has the agent look for new rows, if it and the hub can be asked. */
  async importNow(hub: TestHub): Promise<void> {
    try {
      await hub.ask("POST", `/api/v1/integrations/${this.#site.integration}/requests`, { type: "import-now" });
    } catch {
      // the hub is down, or the agent has not answered enough requests yet
    }
  }
}

/** Looks until it is so, or `patienceMs` have passed. */
async function until(isSo: () => Promise<boolean>, { patienceMs }: { patienceMs: number }): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    if (await isSo().catch(() => false)) return;
    await pause(pollMs);
  }
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Returns early, without an error, when aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end, { once: true });
  });
}
