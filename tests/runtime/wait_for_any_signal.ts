/** Waits for combined signals that nothing else holds on to, while the collector runs. Wants `--expose-gc`. */
import { setTimeout as delay } from "node:timers/promises";
import { anySignal } from "../../src/runtime/any_signal.ts";

const rounds = 20;
let woken = 0;
const outer = new AbortController();
for (let round = 0; round < rounds; round++) {
  const stop = new AbortController();
  // Nothing refers to this but the signals.
  void wait(outer.signal, stop.signal);
  for (let collection = 0; collection < 5; collection++) {
    (globalThis as { gc?: () => void }).gc?.();
    await delay(1);
  }
  stop.abort();
  await delay(1);
}
// deno-lint-ignore no-console -- what the test reads
console.log(`${woken} of ${rounds} were woken`);

async function wait(...signals: AbortSignal[]): Promise<void> {
  using either = anySignal(...signals);
  const { signal } = either;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  woken++;
}
