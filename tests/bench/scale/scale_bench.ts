/**
 * How many agents one hub takes: simulated ones that speak the real protocol, in steps up to 10,000, on one machine with
 * the hub. Each holds its assignment open, and delivers one batch of 20 kB and one report a minute.
 */
import { HubClient } from "../../hub/hub_client.ts";
import { startHubProcess } from "../../hub/hub_process.ts";
import { startTestHub } from "../../hub/start_hub.ts";
import type { Measurement } from "../measurement.ts";
import { forgetPeak, memoryOf, processorSeconds } from "../process_usage.ts";
import { quantile } from "../statistics.ts";
import { type AgentsProcess, startAgents } from "./agents_process.ts";
import type { Reading } from "./agents_main.ts";
import { writeLinkedInstallations } from "./linked_installations.ts";
import type { SimulatedInstallation } from "./simulated_agent.ts";

/** Content of a batch, in bytes. */
const contentBytes = 20_000;
/** Processes of agents: none has more sockets than it may have files. */
const processes = 2;
/** Agents that begin at the same time, in each process. */
const startsAtOnce = 48;
/** Connections that the hub needs for itself and its files. */
const filesOfHub = 1000;
/** After the last agent has begun, in ms. */
const settleMs = 20_000;
/** How often an assignment is changed, in ms. */
const changeEveryMs = 200;
/** A change is seen within this, or not counted, in ms. */
const changeSeenMs = 10_000;

/** The steps are run one after the other on the same hub. */
export interface ScaleOptions {
  readonly agents: readonly number[];
  /** How long each step is measured. */
  readonly seconds: number;
  /** For Deno when it runs the hub, such as `--v8-flags=…` or `--cpu-prof`. */
  readonly denoArguments?: readonly string[];
}

/** Measures each step; what failed is in the note. */
export async function benchScale(options: ScaleOptions): Promise<Measurement[]> {
  const { agents, seconds, denoArguments = [] } = options;
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-scale-" });
  try {
    const { token, accountId } = await prepare(dataDirectory);
    const most = Math.max(...agents);
    const installations = await writeLinkedInstallations(dataDirectory, { accountId, count: most });
    const apiConnections = await connectionsBesides(most);
    await using hub = await startHubProcess(dataDirectory, { denoArguments });
    const admin = new HubClient({ url: hub.url, token });
    const shares = Array.from(
      { length: processes },
      (_, share) => installations.filter((_, n) => n % processes === share),
    );
    await using stack = new AsyncDisposableStack();
    const groups: AgentsProcess[] = [];
    for (const share of shares) {
      const setup = {
        hubUrl: hub.url,
        installations: share,
        contentBytes,
        apiConnections: Math.floor(apiConnections / processes),
        startsAtOnce,
      };
      groups.push(stack.use(await startAgents(setup)));
    }
    const measured: Measurement[] = [];
    for (const count of agents) {
      const startedMs = performance.now();
      await both(groups, { do: "start", agents: count / processes });
      const startSeconds = (performance.now() - startedMs) / 1000;
      await sleep(settleMs);
      await both(groups, { do: "read" });
      await forgetPeak(hub.pid);
      const before = await processorSeconds(hub.pid);
      const agentsBefore = await both(groups, { do: "read" });
      await changeNames(admin, { installations: installations.slice(0, count), seconds });
      const after = await processorSeconds(hub.pid);
      await sleep(Math.min(changeSeenMs, 2000));
      const reading = await both(groups, { do: "read" });
      const { peak } = await memoryOf(hub.pid);
      const own = (reading.processorSeconds - agentsBefore.processorSeconds) / seconds;
      const hubSeconds = (after - before) / seconds;
      measured.push(...results(reading, { count, peak, hubSeconds, own, startSeconds }));
    }
    await hub.stop("SIGTERM");
    return measured;
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
}

function results(
  reading: Reading,
  options: { count: number; peak: number; hubSeconds: number; own: number; startSeconds: number },
): Measurement[] {
  const { count, peak, hubSeconds, own, startSeconds } = options;
  const part = "scale";
  const of = `${count.toLocaleString("en")} agents`;
  const failed = reading.failures.map(([what, times]) => `${times} × ${what}`).join("; ");
  const middle = (values: readonly number[]) => `median ${Math.round(quantile(values, 0.5))} ms of ${values.length}`;
  const seconds = (values: readonly number[]) => quantile(values, 0.99) / 1000;
  return [
    {
      part,
      what: `${of}: declared to receipt, p99`,
      value: seconds(reading.receipts),
      unit: "s",
      goal: { below: 2 },
      note: [middle(reading.receipts), failed].filter((text) => text !== "").join("; "),
    },
    {
      part,
      what: `${of}: a changed assignment is there, p99`,
      value: seconds(reading.changes),
      unit: "s",
      goal: { below: 2 },
      note: middle(reading.changes),
    },
    { part, what: `${of}: memory of the hub`, value: peak / 1e6, unit: "MB", goal: { below: 1000 } },
    {
      part,
      what: `${of}: processor of the hub`,
      value: hubSeconds * 100,
      unit: "% of one core",
      note: `the agents ${Math.round(own * 100)} %; the last of them began after ${startSeconds.toFixed(1)} s`,
    },
  ];
}

/** Renames integrations, one every so often, with the time in the name. */
async function changeNames(
  admin: HubClient,
  { installations, seconds }: { installations: readonly SimulatedInstallation[]; seconds: number },
): Promise<void> {
  const endMs = performance.now() + seconds * 1000;
  const pending = new Set<Promise<void>>();
  for (let n = 0; performance.now() < endMs; n++) {
    const id = installations[n * 7919 % installations.length]?.integrationId ?? "";
    const change = (async () => {
      const name = `Site @${Date.now()}`;
      const response = await admin.request("PATCH", `/api/v1/integrations/${id}`, { json: { name } });
      await response.body?.cancel();
      if (response.status !== 200) throw new Error(`Cannot rename an integration: ${response.status}`);
    })();
    pending.add(change);
    change.finally(() => pending.delete(change)).catch(() => {});
    await sleep(changeEveryMs);
  }
  await Promise.all(pending);
}

async function both(groups: readonly AgentsProcess[], command: Parameters<AgentsProcess["run"]>[0]): Promise<Reading> {
  const all = await Promise.all(groups.map((group) => group.run(command)));
  const failures = new Map<string, number>();
  for (const [what, times] of all.flatMap((one) => one.failures)) failures.set(what, (failures.get(what) ?? 0) + times);
  return {
    receipts: all.flatMap(({ receipts }) => receipts),
    changes: all.flatMap(({ changes }) => changes),
    tokens: all.flatMap(({ tokens }) => tokens),
    reports: all.flatMap(({ reports }) => reports),
    failures: [...failures],
    processorSeconds: all.reduce((sum, one) => sum + one.processorSeconds, 0),
  };
}

/** How many connections the agents may have besides those that hold assignments open: each is a file of the hub. */
async function connectionsBesides(agents: number): Promise<number> {
  const limits = await Deno.readTextFile("/proc/self/limits");
  const files = Number(/^Max open files +\d+ +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  const free = files - filesOfHub - agents;
  if (free < agents / 10) {
    throw new Error(
      `Cannot measure ${agents} agents: a process may open ${files} files (ulimit -Hn), it needs ${2 * agents}`,
    );
  }
  return Math.min(agents, free);
}

/** Has a hub make the folder; the token is an administrator's. */
async function prepare(dataDirectory: string): Promise<{ token: string | undefined; accountId: string }> {
  await using test = await startTestHub({ dataDirectory });
  return { token: test.admin.token, accountId: (await test.hub.accounts.ensureAccount()).id };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
