/** Ends a run that hangs in an input, and tells in which: a loop without end lets nothing else run in its thread. */

/** An input that takes longer hangs, in ms. */
const hangMs = 60_000;
/** What is told of an input, in bytes. */
const shownBytesMax = 64 * 1024;

/** Notes what is being tried. Disposing it ends the watch. */
export interface Watch extends Disposable {
  /** The input with this number is next. */
  readonly note: (number: number, input: string) => void;
}

/** `replay`: how the run is repeated. */
export function watchFor(replay: string): Watch {
  const shared = new SharedArrayBuffer(8 + shownBytesMax);
  const head = new Int32Array(shared, 0, 2);
  const shown = new Uint8Array(shared, 8);
  const encoder = new TextEncoder();
  const worker = new Worker(new URL("./watchdog_worker.ts", import.meta.url), { type: "module" });
  worker.postMessage({ shared, replay, hangMs });
  return {
    note(number, input) {
      const bytes = encoder.encode(JSON.stringify(input)).subarray(0, shownBytesMax);
      shown.set(bytes);
      Atomics.store(head, 1, bytes.length);
      Atomics.store(head, 0, number + 1);
    },
    [Symbol.dispose]: () => worker.terminate(),
  };
}
