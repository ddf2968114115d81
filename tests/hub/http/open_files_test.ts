import { assert, assertEquals } from "../../assert.ts";
import { startHubProcess } from "../hub_process.ts";

/** Files of the hub's process, its connections among them. */
const filesMax = 120;

Deno.test("a hub that may open no more files answers again once connections are gone", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-files-" });
  try {
    await using hub = await startHubProcess(dataDirectory, { filesMax });
    const { hostname, port } = new URL(hub.url);
    const connections: Deno.TcpConn[] = [];
    try {
      // More than it may have, as far as it takes them.
      for (let n = 0; n < filesMax * 2; n++) {
        const connection = await Deno.connect({ hostname, port: Number(port) }).catch(() => undefined);
        if (connection === undefined) break;
        connections.push(connection);
      }
      assert(connections.length > filesMax / 2, `only ${connections.length} connections`);
    } finally {
      for (const connection of connections) connection.close();
    }
    assertEquals(await health(hub.url), "ok\n");
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

/** Asks until there is an answer, for a minute. */
async function health(url: string): Promise<string> {
  for (let tries = 0;; tries++) {
    try {
      const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5000) });
      return await response.text();
    } catch (error) {
      if (tries >= 120) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
