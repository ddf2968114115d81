/**
 * The values that the scripts in `/etc/profile.d` give to the proxy variables. They are written for people who log in:
 * one may wait for something, leave a process behind, or end the shell. None of that may keep the agent from starting,
 * or from seeing what the other scripts set.
 */
import program from "./profile_scripts.sh" with { type: "text" };
import { exists } from "../runtime/exists.ts";
import { type PlaceReading, proxyVariableNames } from "./proxy_variables.ts";

/** Scripts are written for bash, the login shell of servers. */
const shell = "/bin/bash";
/** Limit for the reports of all scripts together, in bytes. */
const reportBytesMax = 1024 * 1024;
/** Variables that scripts expect. */
const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/" };

/** Time limits, in ms. */
export interface ProfileLimits {
  /** One script. @default 3000 */
  readonly scriptTimeoutMs?: number;
  /** All of them. @default 15,000 */
  readonly timeoutMs?: number;
}

/** One line of the protocol with `profile_scripts.sh`. */
interface Report {
  readonly event: string;
  /** The process group of the script's shell. */
  readonly group: number;
  readonly file: string;
  readonly values: readonly string[];
}

/** Runs the scripts `folder`/*.sh, each in the shell left by the ones before it. */
export async function readProfileScripts(folder: string, limits: ProfileLimits = {}): Promise<PlaceReading> {
  const { scriptTimeoutMs = 3000, timeoutMs = 15_000 } = limits;
  if (!await exists(folder)) return { variables: {} };
  if (!await exists(shell)) {
    return { variables: {}, troubles: [`The scripts in "${folder}" cannot be read: "${shell}" is not installed.`] };
  }
  const child = new Deno.Command(shell, {
    args: ["--noprofile", "--norc", "-c", program, shell, folder],
    clearEnv: true,
    env: environment,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const troubles: string[] = [];
  const groups: number[] = [];
  const stopped = new Set<string>();
  let values: readonly string[] = [];
  let scriptTimer: ReturnType<typeof setTimeout> | undefined;
  const timer = setTimeout(() => {
    troubles.push(`The scripts in "${folder}" took more than ${timeoutMs / 1000} s: not all of them were read.`);
    void reader.cancel();
  }, timeoutMs);
  try {
    for await (const { event, group, file, values: reported } of reportsOf(reader)) {
      clearTimeout(scriptTimer);
      values = reported;
      if (event === "end") break;
      if (event !== "begins") {
        troubles.push(...troubleOf(event, { file, stopped: stopped.has(file), scriptTimeoutMs }));
        continue;
      }
      groups.push(group);
      scriptTimer = setTimeout(() => {
        stopped.add(file);
        tryKill(-group);
      }, scriptTimeoutMs);
    }
  } finally {
    clearTimeout(timer);
    clearTimeout(scriptTimer);
    for (const process of [...groups.map((group) => -group), child.pid]) tryKill(process);
    await reader.cancel(); // a process left behind by a script may hold the pipe
    await child.status;
  }
  return { variables: variablesOf(values), troubles };
}

function troubleOf(
  event: string,
  { file, stopped, scriptTimeoutMs }: { file: string; stopped: boolean; scriptTimeoutMs: number },
): string[] {
  const without = "A proxy that it sets may be missing; the other scripts were read.";
  switch (event) {
    case "lost":
      return [
        stopped
          ? `"${file}" was stopped after ${scriptTimeoutMs / 1000} s. ${without}`
          : `"${file}" ended the shell that read it. ${without}`,
      ];
    case "exited":
      return [`"${file}" left the shell that read it ("exit" or "set -e"), and was read only up to there.`];
    case "unreadable":
      return [`"${file}" is not valid for bash, and was read only up to the mistake. Try: bash -n "${file}"`];
    default:
      return [];
  }
}

function variablesOf(values: readonly string[]): PlaceReading["variables"] {
  return Object.fromEntries(proxyVariableNames.flatMap((name, index) => values[index] ? [[name, values[index]]] : []));
}

/** Reads until the pipe ends or the reader is cancelled. */
async function* reportsOf(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>): AsyncGenerator<Report> {
  const decoder = new TextDecoder();
  const fields: string[] = [];
  let rest = "";
  let bytes = 0;
  while (bytes < reportBytesMax) {
    const { value, done } = await reader.read();
    if (done) return;
    bytes += value.length;
    const parts = (rest + decoder.decode(value, { stream: true })).split("\0");
    rest = parts.pop() ?? "";
    fields.push(...parts);
    while (fields.length >= 3 + proxyVariableNames.length) {
      const [event = "", group = "", file = "", ...values] = fields.splice(0, 3 + proxyVariableNames.length);
      yield { event, group: Number(group), file, values };
    }
  }
}

function tryKill(process: number): void {
  try {
    Deno.kill(process, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
