/**
 * A process full of simulated agents. Standard input: first line its {@linkcode Setup}, then commands; standard output:
 * one JSON line for each command.
 */
import process from "node:process";
import { TextLineStream } from "../../hub/text_line_stream.ts";
import { HttpConnection } from "./http_connection.ts";
import { makeContent, type Readings, SimulatedAgent, type SimulatedInstallation } from "./simulated_agent.ts";

/** What the process is given first. */
export interface Setup {
  readonly hubUrl: string;
  readonly installations: readonly SimulatedInstallation[];
  readonly contentBytes: number;
  /** Connections for everything but assignments; fewer than agents are shared. */
  readonly apiConnections: number;
  /** How many agents begin at the same time. */
  readonly startsAtOnce: number;
}

/** `start` brings the agents up to so many; `read` answers what was measured since the last one. */
export type Command = { readonly do: "start"; readonly agents: number } | { readonly do: "read" };

/** The answer to `read`. */
export interface Reading {
  readonly receipts: readonly number[];
  readonly changes: readonly number[];
  readonly tokens: readonly number[];
  readonly reports: readonly number[];
  readonly failures: readonly (readonly [string, number])[];
  readonly processorSeconds: number;
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
const input = lines[Symbol.asyncIterator]();
const first = await input.next();
const setup = JSON.parse(first.value ?? "") as Setup;
const hubUrl = new URL(setup.hubUrl);
const content = makeContent(setup.contentBytes);
const stop = new AbortController();
const readings: Readings = { receipts: [], changes: [], tokens: [], reports: [], failures: new Map() };
const apis = Array.from({ length: setup.apiConnections }, () => new HttpConnection(hubUrl));
const polls: HttpConnection[] = [];
const output = Deno.stdout.writable.getWriter();
let started = 0;

for (;;) {
  const { value, done } = await input.next();
  if (done === true) break;
  const command = JSON.parse(value) as Command;
  if (command.do === "start") await startUpTo(command.agents);
  const usage = process.cpuUsage();
  const reading: Reading = {
    receipts: readings.receipts.splice(0),
    changes: readings.changes.splice(0),
    tokens: readings.tokens.splice(0),
    reports: readings.reports.splice(0),
    failures: [...readings.failures],
    processorSeconds: (usage.user + usage.system) / 1e6,
  };
  readings.failures.clear();
  await output.write(new TextEncoder().encode(`${JSON.stringify(reading)}\n`));
}
stop.abort();
Deno.exit(0);

async function startUpTo(agents: number): Promise<void> {
  const next = async () => {
    while (started < agents) {
      const number = started++;
      const installation = setup.installations[number];
      const api = apis[number % apis.length];
      if (installation === undefined || api === undefined) throw new Error("there are not so many installations");
      const poll = new HttpConnection(hubUrl);
      polls.push(poll);
      // The golden ratio spreads any number of them evenly over the minute.
      const phaseMs = number * 0.618_033_988_75 % 1 * 60_000;
      const { signal } = stop;
      await new SimulatedAgent({ installation, hubUrl, content, readings, poll, api, phaseMs, signal }).start();
    }
  };
  await Promise.all(Array.from({ length: setup.startsAtOnce }, next));
}
