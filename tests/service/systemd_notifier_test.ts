/** What arrives at the socket of systemd, and that a hanging worker is not called alive. */
import { join } from "node:path";
import { startHeartbeat } from "../../src/cli/run/heartbeat.ts";
import { noNotifier, type ServiceNotifier } from "../../src/service/service_notifier.ts";
import { openSystemdNotifier } from "../../src/service/systemd_notifier.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { eventually } from "../eventually.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

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
  const clock = new FakeClock();
  const calls: string[] = [];
  const notifier: ServiceNotifier = {
    ...noNotifier,
    aliveWithinMs: 10_000,
    alive: () => void calls.push("alive"),
    status: (text) => void calls.push(text),
  };
  let asked = 0;
  using heartbeat = startHeartbeat(notifier, { ask: () => void asked++, clock });
  assertEquals([asked, calls], [1, []]);
  heartbeat.answered("linked");
  await clock.advance(2499);
  assertEquals([asked, calls], [1, ["alive", "linked"]]);
  await clock.advance(1);
  assertEquals(asked, 2);
  await clock.advance(60_000);
  assertEquals([asked, calls], [2, ["alive", "linked"]]);
  heartbeat.answered("linked");
  assertEquals(calls, ["alive", "linked", "alive"]);
  await clock.advance(2500);
  assertEquals(asked, 3);
});

Deno.test("an agent that nobody watches over is asked every five seconds, until the end", async () => {
  const clock = new FakeClock();
  let asked = 0;
  const heartbeat = startHeartbeat(noNotifier, {
    ask: () => {
      asked++;
      queueMicrotask(() => heartbeat.answered("linked"));
    },
    clock,
  });
  await clock.advance(10_000);
  assertEquals(asked, 3);
  heartbeat[Symbol.dispose]();
  await clock.advance(10_000);
  assertEquals(asked, 3);
});
