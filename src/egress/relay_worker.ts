/** Entry of the relay's worker, which may use the network and nothing else. Started by `start_relay.ts`. */
/// <reference lib="deno.worker" />
import { errorText } from "../runtime/error_text.ts";
import { serveRelay } from "./relay.ts";
import type { FromRelay, RelayReport, ToRelay } from "./relay_messages.ts";

const stopping = new AbortController();
const reportPorts = new Set<MessagePort>();

self.onmessage = async (event: MessageEvent<ToRelay>) => {
  const message = event.data;
  if (message.type === "stop") return stopping.abort();
  if (message.type === "reports") {
    for (const port of event.ports) reportPorts.add(port);
    return;
  }
  const tell = (told: FromRelay) => self.postMessage(told);
  const report = (told: RelayReport) => reportPorts.forEach((port) => port.postMessage(told));
  try {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    tell({ type: "listening", port: listener.addr.port });
    await serveRelay(listener, {
      ...message.options,
      report: (failure) => report({ type: "failed", failure }),
      reportTrouble: (trouble) => report({ type: "trouble", trouble }),
      signal: stopping.signal,
    });
    for (const port of reportPorts) port.close();
    tell({ type: "stopped" });
  } catch (error) {
    tell({ type: "failed", message: errorText(error) });
  }
};
