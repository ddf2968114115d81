/**
 * `deno task fuzz [target…] [--seed N] [--inputs N] [--minutes N] [--input JSON] [--keep]`: tries inputs on all targets, or
 * those named, prints what came of it, and fails when a property does not hold. `--minutes` ends a target earlier;
 * `--input` tries this one input alone; `--keep` writes what was found into the corpus.
 */
import { parseArgs } from "node:util";
import { type Corpus, loadCorpus, saveCorpus } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { type Failure, fuzz, type Report, tryInput } from "./engine.ts";
import type { TargetEntry } from "./target.ts";
import { targets } from "./targets.ts";
import { watchFor } from "./watchdog.ts";

/** Inputs of a target when not told otherwise. */
const inputsDefault = 100_000;

// deno-lint-ignore no-console -- a command that talks to its user
const say = (line: string) => console.log(line);

const sourceUrl = new URL("../../src/", import.meta.url).href;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      seed: { type: "string" },
      inputs: { type: "string", default: String(inputsDefault) },
      minutes: { type: "string", default: "Infinity" },
      input: { type: "string" },
      keep: { type: "boolean", default: false },
    },
  });
  const unknown = positionals.find((name) => !targets.some((target) => target.name === name));
  if (unknown !== undefined) {
    say(`Cannot fuzz "${unknown}": there are ${targets.map(({ name }) => name).join(", ")}`);
    return 2;
  }
  const chosen = positionals.length > 0 ? targets.filter(({ name }) => positionals.includes(name)) : targets;
  if (values.input !== undefined) return await replay(chosen, values.input);
  const seed = values.seed === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] ?? 1 : Number(values.seed);
  say(`seed ${seed}`);
  let failed = false;
  for (const entry of chosen) {
    const { failures } = await runTarget(entry, {
      seed,
      inputs: Number(values.inputs),
      minutes: Number(values.minutes),
      keep: values.keep,
    });
    failed ||= failures.length > 0;
  }
  return failed ? 1 : 0;
}

async function runTarget(
  entry: TargetEntry,
  options: { seed: number; inputs: number; minutes: number; keep: boolean },
): Promise<Report> {
  const corpus = await loadCorpus(entry.name);
  using watch = watchFor(`deno task fuzz ${entry.name} --seed ${options.seed} --inputs ${options.inputs}`);
  using coverage = await Coverage.start(sourceUrl);
  await using target = await entry.make();
  const report = await fuzz(target, { ...options, ...entry, corpus, coverage, onInput: watch.note });
  say(summary(entry, report));
  for (const { path, covered, code } of coverage.modules(entry.modules)) say(`    ${percent(covered, code)} ${path}`);
  for (const failure of report.failures) tell(entry, failure, options);
  if (options.keep) await keep(entry.name, { corpus, report });
  return report;
}

function summary({ name }: TargetEntry, report: Report): string {
  const seconds = (report.durationMs / 1000).toFixed(1);
  const megabytes = (report.grownBytes / 2 ** 20).toFixed(1);
  return `${name}: ${report.inputs} inputs in ${seconds} s, ${report.found} new in the corpus of ` +
    `${report.covering.length}, ${report.failures.length} failures, ${megabytes} MB more in use`;
}

function percent(part: number, whole: number): string {
  return `${Math.round(100 * part / whole)}%`.padStart(4);
}

function tell({ name }: TargetEntry, { input, error }: Failure, options: { seed: number; inputs: number }): void {
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  say(`FAILURE of ${name}: ${text}`);
  say(`  input:  ${JSON.stringify(input)}`);
  say(`  replay: deno task fuzz ${name} --input '${JSON.stringify(input).replaceAll("'", "\\u0027")}'`);
  say(`  or:     deno task fuzz ${name} --seed ${options.seed} --inputs ${options.inputs}`);
}

/** What breaks something becomes a regression, what reaches further the rest of the corpus. */
async function keep(name: string, { corpus, report }: { corpus: Corpus; report: Report }): Promise<void> {
  const written = new Set([...corpus.seeds, ...corpus.regressions]);
  await saveCorpus(name, "coverage", report.covering.filter((input) => !written.has(input)));
}

async function replay(chosen: readonly TargetEntry[], json: string): Promise<number> {
  const [entry] = chosen;
  if (entry === undefined || chosen.length > 1) {
    say("Cannot try the input: name one target");
    return 2;
  }
  await using target = await entry.make();
  const failure = await tryInput(target, JSON.parse(json));
  say(failure === undefined ? "All properties hold." : `FAILURE: ${(failure.error as Error).stack}`);
  return failure === undefined ? 0 : 1;
}

Deno.exit(await main());
