import { assertEquals } from "../assert.ts";
import plugin from "./pitfalls.ts";

function complaints(source: string, file = "src/x/y.ts"): string[] {
  return Deno.lint.runPlugin(plugin, `/repository/${file}`, source).map(({ id }) => id);
}

Deno.test("no-abort-signal-any finds it in the sources alone", () => {
  const source = "const signal = AbortSignal.any([a, b]);";
  assertEquals(complaints(source), ["pitfalls/no-abort-signal-any"]);
  assertEquals(complaints(source, "tests/x.ts"), []);
  assertEquals(complaints("const signal = AbortSignal.timeout(1); const x = other.any([]);"), []);
});

Deno.test("zod-as-namespace finds other imports", () => {
  assertEquals(complaints('import { z } from "zod";'), ["pitfalls/zod-as-namespace"]);
  assertEquals(complaints('import * as z from "zod";'), []);
});
