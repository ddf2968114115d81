import { join } from "node:path";
import { anySignal } from "../../src/runtime/any_signal.ts";
import { assert, assertEquals } from "../assert.ts";
import { compile, projectFolder } from "../setup/executable.ts";

Deno.test("a combined signal follows whichever source comes first, with its reason, and one that is aborted already", () => {
  const [first, second] = [new AbortController(), new AbortController()];
  using either = anySignal(first.signal, second.signal);
  assert(!either.signal.aborted);
  second.abort("second");
  first.abort("first");
  assertEquals([either.signal.aborted, either.signal.reason], [true, "second"]);
  using late = anySignal(first.signal);
  assertEquals([late.signal.aborted, late.signal.reason], [true, "first"]);
});

Deno.test("a combined signal that was disposed of does not follow any longer", () => {
  const source = new AbortController();
  const either = anySignal(source.signal);
  either[Symbol.dispose]();
  source.abort();
  assert(!either.signal.aborted);
});

Deno.test("in the compiled runtime, one who waits for a combined signal is woken after any number of collections", async () => {
  const folder = await Deno.makeTempDir({ prefix: "any-signal-" });
  try {
    const output = join(folder, "waits");
    const main = join(projectFolder, "tests", "runtime", "wait_for_any_signal.ts");
    await compile(main, { output, include: [], v8Flags: ["--expose-gc"] });
    const { stdout } = await new Deno.Command(output).output();
    assertEquals(new TextDecoder().decode(stdout).trim(), "20 of 20 were woken");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
