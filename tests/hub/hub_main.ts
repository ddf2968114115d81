/** The hub alone, for `hub_process.ts`: data folder and address as arguments, JSON lines on standard output. */
import { runHub } from "../../src/cli/hub_command.ts";

const [dataDirectory = "", listen = "127.0.0.1:0"] = Deno.args;
const stop = new AbortController();
Deno.addSignalListener("SIGTERM", () => stop.abort());
const encoder = new TextEncoder();
const code = await runHub({ dataDirectory, listen, json: true }, {
  signal: stop.signal,
  out: (line) => Deno.stdout.writeSync(encoder.encode(`${line}\n`)),
});
Deno.exit(code);
