/**
 * Run in a network namespace of its own by `over_a_line.ts`: a real hub, a real agent, and a line between them that is as
 * bad as it is told to be. Prints what happened as one line of JSON.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { seededRandom } from "../../src/runtime/seeded_random.ts";
import { TestHub } from "../e2e/hub.ts";
import { Installation } from "../e2e/installation.ts";
import { makeAuthority } from "../egress/certificates.ts";
import { eventually } from "../eventually.ts";
import { lineAddress, type LineQuality, ownAddress, ThinLine, type Traffic } from "./thin_line.ts";

/** What is sent over which line. */
export interface Phase {
  readonly line: LineQuality;
  /** Sizes of the files that are sent, in bytes. What is in them cannot be compressed. */
  readonly files: readonly number[];
  /** The line breaks so often; absent: never. */
  readonly breakEveryMs?: number;
  /** How often the assignment is changed while the files are sent. */
  readonly changes: number;
}

/** One phase after the other, by the same agent. */
export interface Scenario {
  readonly phases: readonly Phase[];
  /** What hangs for longer has failed. */
  readonly patienceMs: number;
}

/** What happened in a phase. */
export interface Happened {
  /** Files of this phase that the hub has, byte for byte. */
  readonly arrived: number;
  /** So many imports more than files the hub has, of all phases so far. */
  readonly doubled: number;
  readonly payloadBytes: number;
  readonly up: Traffic;
  readonly down: Traffic;
  readonly breaks: number;
  readonly ms: number;
  /** How long each change took from the hub's console to the agent, in ms. */
  readonly changesMs: readonly number[];
  /** Reports of the agent that reached the hub while something waited. */
  readonly reports: number;
}

interface Site {
  readonly line: ThinLine;
  readonly hub: TestHub;
  readonly installation: Installation;
  readonly integration: string;
  readonly patienceMs: number;
  /** Imports and changes of earlier phases. */
  imports: number;
  changes: number;
}

const serverPort = 8443;

/** Links the agent by a good line, and plays the phases. */
async function main({ phases, patienceMs }: Scenario): Promise<Happened[]> {
  const publicUrl = `https://${lineAddress}:${serverPort}`;
  await using line = await ThinLine.open({ serverPort, seed: 7 });
  const folder = await Deno.makeTempDir();
  const authority = await makeAuthority(folder);
  const certificate = await authority.issue(lineAddress, undefined, { besides: [ownAddress] });
  const apart = { listen: `${ownAddress}:${serverPort}`, publicUrl };
  await using hub = await TestHub.start({ tls: { host: lineAddress, certificate, ca: authority.ca, apart } });
  const caFile = join(folder, "ca.pem");
  await Deno.writeTextFile(caFile, authority.ca);
  await using installation = await Installation.make(publicUrl, { hubToml: `caFile = "${caFile}"` });
  await using agent = installation.start();
  const integration = await hub.addIntegration();
  await agent.waitFor(/Enter your pin/);
  await hub.connect(integration, await installation.pin());
  await agent.waitFor(/Linked to the integration/);
  const site: Site = { line, hub, installation, integration, patienceMs, imports: 0, changes: 0 };
  const happened: Happened[] = [];
  try {
    for (const [index, phase] of phases.entries()) happened.push(await play(phase, { site, index }));
  } catch (error) {
    throw new Error(`${JSON.stringify([happened, line])}\n${await installation.log()}`, { cause: error });
  }
  await agent.stop();
  await Deno.remove(folder, { recursive: true });
  return happened;
}

async function play(phase: Phase, { site, index }: { site: Site; index: number }): Promise<Happened> {
  const { line, hub, integration, patienceMs } = site;
  line.quality = phase.line;
  line.reset();
  const startedMs = performance.now();
  using reports = new ReportCount(hub);
  const sums = await dropFiles(phase, { site, index });
  const breaking = phase.breakEveryMs === undefined ? undefined : setInterval(() => line.break(), phase.breakEveryMs);
  try {
    const payloadBytes = phase.files.reduce((sum, bytes) => sum + bytes, 0);
    const changesMs: number[] = [];
    for (let change = 1; change <= phase.changes; change++) {
      const bytes = (payloadBytes * change) / (phase.changes + 1);
      await eventually(() => line.up.tcpBytes >= bytes, { patienceMs, what: `${bytes} bytes to pass` });
      changesMs.push(await changeAssignment(site));
    }
    site.imports += sums.length;
    const imports = await hub.waitForImports(integration, site.imports, { patienceMs });
    return {
      arrived: sums.filter((sha256) => imports.some((one) => one.sha256 === sha256)).length,
      doubled: imports.length - site.imports,
      ...{ payloadBytes, changesMs, up: { ...line.up }, down: { ...line.down }, breaks: line.breaks },
      ms: performance.now() - startedMs,
      reports: reports.count(),
    };
  } finally {
    clearInterval(breaking);
  }
}

/** Writes the files of a phase, and returns their hashes. */
async function dropFiles({ files }: Phase, { site, index }: { site: Site; index: number }): Promise<string[]> {
  const random = seededRandom(index + 11);
  const sums: string[] = [];
  for (const [number, bytes] of files.entries()) {
    const content = new Uint8Array(bytes).map(() => random() * 256);
    sums.push(createHash("sha256").update(content).digest("hex"));
    await site.installation.drop(`file-${index}-${number}.csv`, content);
  }
  return sums;
}

/** Pauses the integration and resumes it, and returns how long it took until the agent said that it is paused. */
async function changeAssignment(site: Site): Promise<number> {
  const { hub, installation, integration, patienceMs } = site;
  const change = ++site.changes;
  const said = async (text: string) => (await installation.log()).split(text).length - 1;
  const startedMs = performance.now();
  await hub.ask("PATCH", `/api/v1/integrations/${integration}`, { paused: true });
  const paused = async () => await said("The integration is paused in the hub") >= change;
  await eventually(paused, { patienceMs, what: "the agent to be paused" });
  const ms = performance.now() - startedMs;
  await hub.ask("PATCH", `/api/v1/integrations/${integration}`, { paused: false });
  const resumed = async () => await said("The integration has been resumed") >= change;
  await eventually(resumed, { patienceMs, what: "the agent to go on" });
  return ms;
}

/** Counts the reports that come in and say that something waits. What the hub keeps of them no API tells. */
class ReportCount implements Disposable {
  readonly #database: DatabaseSync;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #seen = new Set<number>();
  readonly #before: number | undefined;

  constructor({ folder }: TestHub) {
    this.#database = new DatabaseSync(join(folder, "data", "hub.db"), { readOnly: true });
    this.#before = this.#latest();
    this.#timer = setInterval(() => this.#look(), 500);
  }

  /** Counts up to now. */
  count(): number {
    this.#look();
    return this.#seen.size;
  }

  #look(): void {
    const latest = this.#latest();
    if (latest !== undefined && latest !== this.#before) this.#seen.add(latest);
  }

  /** When the latest one came that says so. */
  #latest(): number | undefined {
    const waits = "SELECT reportedAt FROM installation WHERE report ->> '$.waiting.bytes' > 0";
    return this.#database.prepare(waits).get()?.reportedAt as number | undefined;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#database.close();
  }
}

if (import.meta.main) {
  const happened = await main(JSON.parse(Deno.args[0] ?? ""));
  await Deno.stdout.write(new TextEncoder().encode(`\n${JSON.stringify(happened)}\n`));
}
