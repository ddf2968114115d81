import { assertEquals } from "../assert.ts";
import { acceptConnections } from "../../src/egress/accept_connections.ts";
import { FakeClock, settle } from "../fakes/fake_clock.ts";

/** A listener whose `accept` does what the test says next. */
class ScriptedListener {
  #next = Promise.withResolvers<Deno.TcpConn>();
  calls = 0;

  accept(): Promise<Deno.TcpConn> {
    this.calls++;
    return this.#next.promise.finally(() => this.#next = Promise.withResolvers());
  }

  async takes(): Promise<void> {
    this.#next.resolve({} as Deno.TcpConn);
    await settle();
  }

  async fails(error: Error): Promise<void> {
    this.#next.reject(error);
    await settle();
  }
}

function accepting() {
  const listener = new ScriptedListener();
  const clock = new FakeClock();
  const ended = new AbortController();
  const seen: (string | null)[] = [];
  const running = acceptConnections(listener, {
    clock,
    onConnection: () => seen.push("connection"),
    onTrouble: (trouble) => seen.push(trouble?.text ?? null),
    signal: ended.signal,
  });
  const end = async () => {
    ended.abort();
    listener.fails(new Deno.errors.BadResource("Listener has been closed"));
    await running;
  };
  return { listener, clock, seen, running, end };
}

const reset = () => new Error("Transport endpoint is not connected (os error 107)");
const outOfFiles = () => Object.assign(new Error("Too many open files (os error 24)"), { code: "EMFILE" });

Deno.test("accepting goes on at once, and silently, after connections that were reset before", async () => {
  const { listener, seen, end } = accepting();
  for (let n = 0; n < 20; n++) await listener.fails(reset());
  await listener.takes();
  assertEquals(seen, ["connection"]);
  await end();
});

Deno.test("accepting without files tries again after pauses, and tells when that begins and when it is over", async () => {
  const { listener, clock, seen, end } = accepting();
  for (let n = 0; n < 3; n++) {
    await listener.fails(outOfFiles());
    assertEquals(listener.calls, n + 1, "it does not pause");
    await clock.advance(100);
  }
  await listener.takes();
  await listener.fails(outOfFiles());
  await clock.advance(5_000);
  await listener.takes();
  assertEquals(seen, ["Too many open files (os error 24)", "connection", "connection", null]);
  await end();
});

Deno.test("accepting that fails again and again pauses and tells, whatever the reason", async () => {
  const { listener, clock, seen, end } = accepting();
  for (let n = 0; n < 64; n++) await listener.fails(reset());
  assertEquals(seen, ["Transport endpoint is not connected (os error 107)"]);
  assertEquals(listener.calls, 64);
  await clock.advance(100);
  assertEquals(listener.calls, 65);
  await end();
});

Deno.test("accepting fails when its listener was closed by somebody else", async () => {
  const { listener, running } = accepting();
  const failed = running.then(() => "ended", (error) => error.name);
  await listener.fails(new Deno.errors.BadResource("Listener has been closed"));
  assertEquals(await failed, "BadResource");
});
