/** A real hub with its console, in a folder of its own. */
import { startHub as start } from "../../src/hub/hub.ts";
import { consolePages } from "../../src/hub/pages/mod.tsx";

/** A hub with a fresh administrator. */
export interface RunningHub extends AsyncDisposable {
  readonly url: URL;
  readonly user: { readonly name: string; readonly password: string };
}

/** Starts one; disposing it also removes its data. */
export async function startHub(): Promise<RunningHub> {
  const dataDirectory = await Deno.makeTempDir({ prefix: "console-hub-" });
  const hub = await start({
    dataDirectory,
    listen: { hostname: "127.0.0.1", port: 0 },
    pages: consolePages,
  });
  const { madeAdministrator: user, publicUrl: url } = hub;
  if (user === undefined) throw new Error("The hub made no administrator at its first start.");
  return {
    url,
    user,
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      await Deno.remove(dataDirectory, { recursive: true });
    },
  };
}
