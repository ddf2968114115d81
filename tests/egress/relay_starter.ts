/** Starts a relay with no more permission than that relay should ask for. */
/// <reference lib="deno.worker" />
import { startRelay } from "../../src/egress/start_relay.ts";

self.onmessage = async (event: MessageEvent<Parameters<typeof startRelay>[0]>) => {
  try {
    await using relay = await startRelay(event.data);
    self.postMessage(relay.port > 0 ? "started" : "no port");
  } catch (error) {
    self.postMessage(String(error));
  }
};
