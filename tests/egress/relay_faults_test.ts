/** What other processes and a lack of files do to the relay's listening socket. */
import net from "node:net";
import { assertEquals, assertMatch } from "../assert.ts";
import { parseAllowedHost } from "../../src/egress/allowed_hosts.ts";
import { ConnectionReports } from "../../src/egress/connection_reports.ts";
import { defaultRelayLimits, serveRelay } from "../../src/egress/relay.ts";
import type { RelayReport } from "../../src/egress/relay_messages.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { TextLineStream } from "../hub/text_line_stream.ts";
import { startOrigin } from "./origin.ts";
import { socksConnect } from "./socks_client.ts";

Deno.test("relay outlives connections that are reset before it has taken them", async () => {
  await using origin = startOrigin();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  for (let n = 0; n < 3; n++) await connectAndReset(port);
  const ended = new AbortController();
  const token = "secret";
  const served = serveRelay(listener, {
    allowed: [parseAllowedHost(`127.0.0.1:${origin.port}`)],
    proxy: undefined,
    token,
    limits: defaultRelayLimits,
    report: () => {},
    reportTrouble: () => {},
    signal: ended.signal,
  });
  (await socksConnect({ port, token }, { host: "127.0.0.1", port: origin.port })).close();
  ended.abort();
  await served;
});

Deno.test("relay without files says so, and takes what waits as soon as it has some", async () => {
  await using origin = startOrigin();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      new URL("./relay_main.ts", import.meta.url).pathname,
      `127.0.0.1:${origin.port}`,
    ],
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  const next = async () => JSON.parse((await lines.read()).value ?? "null");
  try {
    const relay: { port: number; token: string } = await next();
    await limitFiles(child.pid, 3);
    const connecting = socksConnect(relay, { host: "127.0.0.1", port: origin.port });
    const report: RelayReport = await next();
    await limitFiles(child.pid, 1000);
    (await connecting).close();
    assertEquals(report.type === "trouble" && report.trouble?.code, "EMFILE");
  } finally {
    child.kill();
    await child.status;
    await lines.cancel();
  }
});

Deno.test("the log tells that the relay cannot take connections, and that it can again", async () => {
  using log = await captureLog();
  const { port1, port2 } = new MessageChannel();
  using _reports = new ConnectionReports(port1, { nowMs: () => 0 });
  const send = (trouble: Extract<RelayReport, { type: "trouble" }>["trouble"]) =>
    port2.postMessage({ type: "trouble", trouble } satisfies RelayReport);
  send({ code: "EMFILE", number: 24, text: "Too many open files (os error 24)" });
  assertMatch(
    await log.line(/relay/),
    /^error Cannot make new connections: .*: too many open files \(EMFILE, os error 24\)\. .*check its limits/,
  );
  send({ code: "ENOTCONN", number: 107, text: "Transport endpoint is not connected (os error 107)" });
  assertMatch(await log.line(/ENOTCONN/), /Look for a program on this machine that connects to it and hangs up/);
  send(null);
  assertEquals(await log.line(/made again/), "info New connections can be made again.");
  port2.close();
});

function connectAndReset(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: "127.0.0.1", port });
    socket.once("connect", () => socket.resetAndDestroy());
    socket.once("close", () => resolve());
    socket.once("error", reject);
  });
}

async function limitFiles(pid: number, files: number): Promise<void> {
  const { success } = await new Deno.Command("prlimit", { args: [`--pid=${pid}`, `--nofile=${files}:`] }).output();
  if (!success) throw new Error("Cannot limit the files of the relay's process");
}
