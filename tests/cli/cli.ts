/** Runs the program as a child process in a throw-away installation folder, for scenarios. */
import { fileURLToPath } from "node:url";
import { type ControlHandlers, serveControl } from "../../src/control/serve_control.ts";
import type { AgentStatus } from "../../src/control/status.ts";
import { patienceMs } from "../eventually.ts";

const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
const denoConfig = fileURLToPath(new URL("../../deno.json", import.meta.url));

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A folder with an installation; disposing removes it. */
export class Installation implements AsyncDisposable {
  readonly folder: string;
  readonly configFile: string;

  constructor(folder: string) {
    this.folder = folder;
    this.configFile = `${folder}/injixo-cloud-link.toml`;
  }

  static async make(toml = ""): Promise<Installation> {
    const installation = new Installation(await Deno.realPath(await Deno.makeTempDir()));
    await Deno.writeTextFile(installation.configFile, toml);
    return installation;
  }

  /** What has not ended after a test's patience is terminated, so that nobody waits for more of its output. */
  start(args: readonly string[], env: Record<string, string> = {}): Deno.ChildProcess {
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", "--no-prompt", `--config=${denoConfig}`, main, ...args],
      cwd: this.folder,
      env: { NO_COLOR: "1", https_proxy: "", HTTPS_PROXY: "", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(patienceMs),
    }).spawn();
  }

  async run(...args: readonly string[]): Promise<Ran> {
    return await outcome(this.start(args));
  }

  /** Answers the control channel of this folder as an agent would. */
  async serveAgent(handlers: ControlHandlers): Promise<AsyncDisposable> {
    const stateFolder = `${this.folder}/state`;
    await Deno.mkdir(stateFolder, { recursive: true, mode: 0o700 });
    return await serveControl(handlers, { stateFolder, signal: new AbortController().signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Waits for the end of a child process. */
export async function outcome(child: Deno.ChildProcess): Promise<Ran> {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** The status of an agent that has nothing to do. */
export function agentStatus(changed: Partial<AgentStatus>): AgentStatus {
  return {
    version: "0.1.0",
    pid: 7,
    startedAt: "2025-03-01T06:00:00.000Z",
    name: "com.injixo.cloud-link",
    folder: "/opt/cloud-link",
    hub: { url: "https://www.injixo.com", reachable: true, lastContactAt: "2025-03-01T06:00:01.000Z", problem: null },
    link: { state: "unlinked" },
    paused: false,
    problem: null,
    notice: null,
    waiting: { batches: 0, bytes: 0, oldestAt: null },
    waitingForOthers: { batches: 0, bytes: 0 },
    lastImport: null,
    lastError: null,
    proxy: null,
    ...changed,
  };
}
