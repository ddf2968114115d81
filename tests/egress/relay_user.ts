/** A worker with the permissions of one that uses the relay: fetches what it is told, and answers with what came. */
/// <reference lib="deno.worker" />
import { ConnectionReports } from "../../src/egress/connection_reports.ts";
import { EgressTransport } from "../../src/egress/egress_client.ts";

self.onmessage = async (event: MessageEvent<{ port: number; token: string; urls: string[] }>) => {
  const { urls, port, token } = event.data;
  const [reportPort] = event.ports;
  if (reportPort === undefined) throw new Error("no port for the reports");
  using reports = new ConnectionReports(reportPort, { nowMs: () => performance.now() });
  using transport = new EgressTransport({ port, token, purpose: "delivery", caCerts: [], reports });
  const { signal } = new AbortController();
  const answers: string[] = [];
  for (const address of urls) {
    const url = new URL(address);
    const sinceMs = performance.now();
    try {
      answers.push(await (await transport.fetch(url, { signal })).text());
    } catch (error) {
      const { message } = await transport.explain(error, { url, sinceMs, signal });
      answers.push(`${(error as Error).name}: ${message}`);
    }
  }
  self.postMessage(answers);
};
