/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/** Looks whether the number of the input changes. */

interface Watched {
  readonly shared: SharedArrayBuffer;
  readonly replay: string;
  readonly hangMs: number;
}

self.addEventListener("message", ({ data }: MessageEvent<Watched>) => {
  const head = new Int32Array(data.shared, 0, 2);
  let seen = -1;
  setInterval(() => {
    const number = Atomics.load(head, 0);
    if (number !== seen) return void (seen = number);
    const bytes = new Uint8Array(data.shared, 8, Atomics.load(head, 1)).slice();
    // deno-lint-ignore no-console -- a command that talks to its user
    console.log(`FAILURE: no end in sight.\n  input:  ${new TextDecoder().decode(bytes)}\n  or:     ${data.replay}`);
    Deno.exit(1);
  }, data.hangMs);
});
