/** A hub in this process, on any free port, with a folder of its own: for every test that needs a real one. */
import { type HubOptions, type RunningHub, startHub } from "../../src/hub/hub.ts";
import type { Role } from "../../src/hub/services.ts";
import { HubClient } from "./hub_client.ts";

/** Hashing for tests: quick instead of hard. */
const cheapCost = { n: 1024, r: 8, p: 1 };

export interface TestHub extends AsyncDisposable {
  readonly hub: RunningHub;
  /** Where it serves, without a trailing slash. */
  readonly url: string;
  readonly dataDirectory: string;
  /** An administrator's client. */
  readonly admin: HubClient;
  /** Another API token's client. */
  client(role: Role): Promise<HubClient>;
}

/** Starts one; disposing stops it and deletes its folder (unless one was given). */
export async function startTestHub(
  options: Partial<HubOptions> = {},
): Promise<TestHub> {
  const dataDirectory = options.dataDirectory ?? await Deno.makeTempDir({ prefix: "hub-" });
  const hub = await startHub({
    listen: { hostname: "127.0.0.1", port: 0 },
    passwordCost: cheapCost,
    ...options,
    dataDirectory,
  });
  const url = `http://127.0.0.1:${hub.port}`;
  const account = await hub.accounts.ensureAccount();
  const client = async (role: Role) => {
    const token = await hub.accounts.addToken(account, { name: crypto.randomUUID(), role });
    return new HubClient({ url, token });
  };
  return {
    hub,
    url,
    dataDirectory,
    admin: await client("administrator"),
    client,
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      if (options.dataDirectory === undefined) await Deno.remove(dataDirectory, { recursive: true });
    },
  };
}
