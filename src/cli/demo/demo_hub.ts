/** The hub of the rehearsal: a separate process on loopback, used through an API token, as by a script. */
import { runOwnProgram, startOwnProgram } from "../own_program.ts";

/** A login. */
export interface Administrator {
  readonly name: string;
  readonly password: string;
}

/** A running hub with throw-away data. Disposing ends it. */
export interface DemoHub extends AsyncDisposable {
  readonly url: URL;
  readonly administrator: Administrator;
  /** Calls the REST API; fails with the problem's text. */
  // deno-lint-ignore no-explicit-any -- the caller knows the answer's shape; a wrong one fails the rehearsal
  ask(method: string, path: string, body?: unknown): Promise<any>;
  download(path: string): Promise<Uint8Array<ArrayBuffer>>;
}

/** Starts a hub on a free port; resolves when it serves. */
export async function startDemoHub(dataFolder: string, signal: AbortSignal): Promise<DemoHub> {
  const program = startOwnProgram(["hub", "--data", dataFolder, "--listen", "127.0.0.1:0", "--json"]);
  try {
    const { administrator, url } = await readStart(program.lines);
    const added = await runOwnProgram(["hub", "token", "add", "--data", dataFolder, "--json", "demo"]);
    const { token } = JSON.parse(added) as { token: string };
    const call = async (method: string, path: string, body?: unknown) => {
      const response = await fetch(new URL(path, url), {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
      });
      if (!response.ok) {
        throw new Error(`The hub answered ${response.status} to ${method} ${path}: ${await response.text()}`);
      }
      return response;
    };
    return {
      url,
      administrator,
      ask: async (method, path, body) => await (await call(method, path, body)).json(),
      download: async (path) => await (await call("GET", path)).bytes(),
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** Reads what the hub prints at its first start. */
async function readStart(lines: AsyncIterable<string>): Promise<{ administrator: Administrator; url: URL }> {
  let administrator: Administrator | undefined;
  for await (const line of lines) {
    const event = JSON.parse(line) as { event: string; name?: string; password?: string; url?: string };
    if (event.event === "administrator") administrator = { name: event.name ?? "", password: event.password ?? "" };
    if (event.event === "ready" && administrator !== undefined) return { administrator, url: new URL(event.url ?? "") };
  }
  throw new Error("The hub of the rehearsal did not start");
}
