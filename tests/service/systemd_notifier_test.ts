/** What arrives at the socket of systemd, and that a hanging worker is not called alive. */
import { join } from "node:path";
import { startHeartbeat } from "../../src/cli/run/heartbeat.ts";
import { noNotifier, type ServiceNotifier } from "../../src/service/service_notifier.ts";
import { openSystemdNotifier } from "../../src/service/systemd_notifier.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { eventually } from "../eventually.ts";

/** Receives datagrams as systemd does; socat puts them one after the other. */
async function receive(address: string, send: (socket: string) => void): Promise<string> {
  const socat = new Deno.Command("socat", { args: ["-u", address, "STDOUT"], stdin: "null", stdout: "piped" }).spawn();
  const path = address.replace(/^(UNIX-RECV|ABSTRACT-RECV):/, "");
  const isAbstract = address.startsWith("ABSTRACT");
  const seen = () => Deno.readTextFileSync("/proc/net/unix").includes(isAbstract ? `@${path}` : path);
  await eventually(seen, { what: `socat to listen at ${path}` });
  send(isAbstract ? `@${path}` : path);
  let text = "";
  for await (const chunk of socat.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes("STOPPING=1")) break;
  }
  socat.kill();
  await socat.status;
  return text;
}

const say = (socket: string) => {
  using notifier = openSystemdNotifier({ socket, watchdogMicroseconds: "20000000" });
  assertEquals(notifier.aliveWithinMs, 20_000);
  notifier.ready();
  notifier.status("linked to\nthe integration");
  notifier.alive();
  notifier.stopping();
};
const said = "READY=1STATUS=linked to the integrationWATCHDOG=1STOPPING=1";

Deno.test("systemd hears of it on a socket with a path", async () => {
  const folder = await Deno.makeTempDir();
  assertEquals(await receive(`UNIX-RECV:${join(folder, "notify")}`, say), said);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("systemd hears of it on an abstract socket", async () => {
  assertEquals(await receive(`ABSTRACT-RECV:cloud-link-${crypto.randomUUID()}`, say), said);
});

Deno.test("a socket that nobody has is no trouble, an address that is none is", async () => {
  using notifier = openSystemdNotifier({ socket: "/nowhere/notify", watchdogMicroseconds: undefined });
  assertEquals(notifier.aliveWithinMs, undefined);
  notifier.ready();
  await assertRejects(() =>
    Promise.try(() => openSystemdNotifier({ socket: "vsock:2:1234", watchdogMicroseconds: undefined }))
  );
});

Deno.test("alive is said once for each answer, and a worker that does not answer is asked once only", async () => {
  const calls: string[] = [];
  const notifier: ServiceNotifier = {
    ...noNotifier,
    aliveWithinMs: 40,
    alive: () => void calls.push("alive"),
    status: (text) => void calls.push(text),
  };
  let asked = 0;
  let askedTwice = () => {};
  const second = new Promise<void>((resolve) => askedTwice = resolve);
  using heartbeat = startHeartbeat(notifier, { ask: () => ++asked === 2 && askedTwice() });
  assertEquals(calls, []);
  heartbeat.answered("linked");
  await second;
  await new Promise<void>((resolve) => setTimeout(resolve, 60));
  assertEquals([asked, calls], [2, ["alive", "linked"]]);
  heartbeat.answered("linked");
  assertEquals(calls, ["alive", "linked", "alive"]);
});
