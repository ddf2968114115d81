/**
 * Every target takes its kept inputs, all that once broke something among them, and a short run of mutants that is the
 * same each time. The long run with coverage is `deno task fuzz`.
 */
import { assert, assertEquals } from "../assert.ts";
import { filesIn } from "../files_in.ts";
import { loadCorpus } from "./corpus.ts";
import { fuzz, type Report } from "./engine.ts";
import { Random } from "./random.ts";
import { BrokenPropertyError, type Target } from "./target.ts";
import { targets } from "./targets.ts";

const seed = 1;

for (const { name, inputsInTest, make } of targets) {
  Deno.test(`whatever ${name} is given, its properties hold`, async () => {
    await using target = await make();
    const report = await fuzz(target, { seed, inputs: inputsInTest, corpus: await loadCorpus(name) });
    assertEquals(report.inputs, inputsInTest);
    assertEquals(failuresOf(report), []);
  });
}

function failuresOf({ failures }: Report): readonly string[] {
  return failures.map(({ input, error }) =>
    `${error instanceof Error ? error.stack : error}\n--input '${JSON.stringify(input)}'`
  );
}

Deno.test("the modules whose coverage is told are there", async () => {
  const files = await filesIn(new URL("../../src", import.meta.url).pathname);
  const named = targets.flatMap(({ modules }) => modules);
  assertEquals(named.filter((one) => !files.some((path) => path.includes(`/src/${one}`))), []);
});

Deno.test("the fuzzer tells the input that breaks something, once for each problem", async () => {
  const report = await fuzz(
    targetThat((input) => {
      if (input.includes("x")) throw new BrokenPropertyError("An x is not taken");
    }),
    { seed, inputs: 500, corpus: { seeds: ["abc", "x"], coverage: [], regressions: [] } },
  );
  assertEquals(report.failures.length, 1);
  assert(report.failures[0]?.input.includes("x"));
  assertEquals(report.inputs, 500);
});

Deno.test("the same seed makes the same inputs", async () => {
  const runs = await Promise.all([7, 7, 8].map(async (seed) => {
    const seen: string[] = [];
    const corpus = { seeds: ["abc", '{"a":[1,true]}'], coverage: [], regressions: [] };
    await fuzz(targetThat((input) => void seen.push(input)), { seed, inputs: 200, corpus });
    return seen.join("\n");
  }));
  assertEquals(runs[0], runs[1]);
  assert(runs[0] !== runs[2]);
});

Deno.test("chance goes over all that there is to pick", () => {
  const random = new Random(seed);
  const seen = new Set(Array.from({ length: 200 }, () => random.below(5)));
  assertEquals([...seen].sort(), [0, 1, 2, 3, 4]);
});

function targetThat(run: (input: string) => void): Target {
  return {
    form: "text",
    words: ["word"],
    generate: (random) => random.text(5),
    run,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
