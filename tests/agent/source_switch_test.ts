import { SourceSwitch } from "../../src/agent/source_switch.ts";
import { runTogether } from "../../src/agent/tasks.ts";
import { untilAborted } from "../../src/runtime/until_aborted.ts";
import type { Source } from "../../src/protocol/assignment.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { settle } from "../fakes/fake_clock.ts";

const csv: Source = { type: "csv" };

/** A switch whose runners note when they start and end. */
function noted(): { source: SourceSwitch; notes: string[] } {
  const notes: string[] = [];
  const source = new SourceSwitch(({ type }) => ({
    problem: null,
    importNow: () => void notes.push("import now"),
    async run(signal) {
      notes.push(`${type} starts`);
      await untilAborted(signal);
      notes.push(`${type} ends`);
      throw signal.reason;
    },
  }));
  return { source, notes };
}

Deno.test("source switch starts, pauses and resumes with the assignment, never two at a time", async () => {
  const { source, notes } = noted();
  const stop = new AbortController();
  const running = source.run(stop.signal);
  await settle();
  assertEquals(notes, []);
  source.apply({ source: csv, paused: false });
  source.apply({ source: csv, paused: false });
  await settle();
  source.importNow();
  source.apply({ source: csv, paused: true });
  await settle();
  source.importNow();
  source.apply({ source: csv, paused: false });
  await settle();
  stop.abort();
  await running;
  assertEquals(notes, ["csv starts", "import now", "csv ends", "csv starts", "csv ends"]);
});

Deno.test("source switch passes on what breaks a source", async () => {
  const source = new SourceSwitch(() => ({
    problem: null,
    importNow() {},
    run: () => Promise.reject(new Error("disk on fire")),
  }));
  source.apply({ source: csv, paused: false });
  await assertRejects(() => source.run(new AbortController().signal), /disk on fire/);
});

Deno.test("loops that run together end together, with the first failure", async () => {
  const ended: string[] = [];
  await assertRejects(() =>
    runTogether([
      async (signal) => {
        await untilAborted(signal);
        ended.push("first");
      },
      () => Promise.reject(new Error("second failed")),
    ], new AbortController().signal), /second failed/);
  assertEquals(ended, ["first"]);
});

Deno.test("an end by the outer signal is no failure", async () => {
  const stop = new AbortController();
  const running = runTogether([async (signal) => {
    await untilAborted(signal);
    throw signal.reason;
  }], stop.signal);
  stop.abort();
  await running;
});
