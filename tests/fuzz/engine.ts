/**
 * Runs a target with mutants of its corpus. A mutant that reaches code which none before reached joins the corpus; one
 * that breaks a property is reported with all that repeats it.
 */
import type { Corpus } from "./corpus.ts";
import type { Coverage } from "./coverage.ts";
import { inputLengthMax, mutateJson, mutateText } from "./mutate.ts";
import { Random } from "./random.ts";
import type { Target } from "./target.ts";

/** An input may take this long, in ms: many times what the slowest takes on a busy machine. */
const inputMsMax = 30_000;
/** Inputs tried between two looks at the coverage: few while much is found, more when nothing is. */
const batchInputs = { min: 32, max: 512, maxInParallel: 64 };
/** Longer inputs do not join the corpus, in characters. */
const keptLengthMax = 8 * 1024;
/** So many failures end a run. */
const failuresMax = 20;
/** Growth of the memory in use that counts as a leak, in bytes: far above what the corpus takes. */
const growthBytesMax = 64 * 1024 * 1024;

/** A property that did not hold. */
export interface Failure {
  readonly input: string;
  readonly error: unknown;
}

/** What a run brought. */
export interface Report {
  readonly inputs: number;
  readonly durationMs: number;
  /** Inputs that reach code which none before them reached, in the order found: those of the corpus first. */
  readonly covering: readonly string[];
  /** How many of them are new. */
  readonly found: number;
  readonly failures: readonly Failure[];
  /** By how much the memory in use grew between a tenth and the end, in bytes. */
  readonly grownBytes: number;
}

/** How to run. */
export interface RunOptions {
  readonly seed: number;
  readonly inputs: number;
  readonly corpus: Corpus;
  /** Ends earlier when it takes longer, in minutes. @default however long it takes */
  readonly minutes?: number;
  /** Absent: the corpus stays as it is. */
  readonly coverage?: Coverage;
  /** Called before each input, for who watches that it ends. */
  readonly onInput?: (number: number, input: string) => void;
}

/** Runs the corpus, then `inputs` mutants. */
export async function fuzz(target: Target, options: RunOptions): Promise<Report> {
  const { seed, inputs, corpus, coverage } = options;
  const random = new Random(seed);
  const startedMs = performance.now();
  const failures: Failure[] = [];
  const kept = [...corpus.regressions, ...corpus.seeds, ...corpus.coverage];
  let tried = 0;
  const attempt = async (input: string) => {
    options.onInput?.(tried++, input);
    const failure = await tryInput(target, input);
    if (failure === undefined || failures.some(({ error }) => sameProblem(error, failure.error))) return;
    failures.push(failure);
  };
  const covering: string[] = [];
  const join = (inputs: readonly string[]) => {
    for (const input of inputs) if (input.length <= keptLengthMax) covering.push(input);
  };
  const consider = async (batch: readonly string[]) => {
    await inParallel(batch, target, attempt);
    if (coverage === undefined) return false;
    const single = batch.length === 1;
    if (await (single ? coverage.take() : coverage.peek()) === 0) return false;
    join(
      single ? batch : await thoseThatReach(batch, { target, coverage, onInput: () => options.onInput?.(tried++, "") }),
    );
    return true;
  };

  const byLength = [...kept].sort((a, b) => a.length - b.length);
  for (const input of byLength) await consider([input]);
  const known = covering.length;
  let size: number = batchInputs.min;
  let baseBytes = 0;
  let done = 0;
  const endMs = startedMs + (options.minutes ?? Infinity) * 60_000;
  while (done < inputs && failures.length < failuresMax && performance.now() < endMs) {
    const fresh = covering.slice(known);
    const pools = [[...kept, ...fresh], fresh.slice(-30)].filter((pool) => pool.length > 0);
    const batch = Array.from(
      { length: Math.min(size, inputs - done) },
      () => nextInput(target, random, pools.length > 0 ? random.pick(pools) : []),
    );
    const news = await consider(batch);
    const most = target.parallel === undefined ? batchInputs.max : batchInputs.maxInParallel;
    size = news ? batchInputs.min : Math.min(size * 2, most);
    done += batch.length;
    if (baseBytes === 0 && done >= inputs / 10) baseBytes = await coverage?.usedBytes() ?? 0;
  }
  const grownBytes = coverage === undefined ? 0 : await coverage.usedBytes() - baseBytes;
  if (grownBytes > growthBytesMax) {
    failures.push({ input: "", error: new Error(`The memory in use grew by ${grownBytes} bytes`) });
  }
  return {
    inputs: done,
    durationMs: performance.now() - startedMs,
    covering,
    found: covering.length - known,
    failures,
    grownBytes,
  };
}

/** Runs one input; the failure, if a property does not hold. */
export async function tryInput(target: Target, input: string): Promise<Failure | undefined> {
  const startedMs = performance.now();
  try {
    await target.run(input);
  } catch (error) {
    return { input, error };
  }
  const tookMs = performance.now() - startedMs;
  if (tookMs <= inputMsMax) return undefined;
  return { input, error: new Error(`The input took ${Math.round(tookMs)} ms`) };
}

/**
 * The batch has reached something: which of its inputs, tried again in halves, were they? Looking at the coverage takes
 * longer than most inputs.
 */
async function thoseThatReach(
  batch: readonly string[],
  options: { target: Target; coverage: Coverage; onInput: () => void },
): Promise<string[]> {
  const { target, coverage, onInput } = options;
  await inParallel(batch, target, async (input) => {
    onInput();
    await tryInput(target, input);
  });
  if (batch.length === 1) return await coverage.take() > 0 ? [...batch] : [];
  if (await coverage.peek() === 0) return [];
  const middle = Math.ceil(batch.length / 2);
  const first = await thoseThatReach(batch.slice(0, middle), options);
  return [...first, ...await thoseThatReach(batch.slice(middle), options)];
}

/** Some at the same time, where the target says so. */
async function inParallel(
  batch: readonly string[],
  { parallel = 1 }: Target,
  act: (input: string) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < batch.length; at += parallel) await Promise.all(batch.slice(at, at + parallel).map(act));
}

function nextInput(target: Target, random: Random, pool: readonly string[]): string {
  if (pool.length === 0 || random.oneIn(10)) return target.generate(random).slice(0, inputLengthMax);
  const material = { other: random.pick(pool), words: target.words };
  const mutate = target.form === "json" ? mutateJson : mutateText;
  return mutate(random.pick(pool), random, material);
}

function sameProblem(a: unknown, b: unknown): boolean {
  return shape(a) === shape(b);
}

/** The property, or the place in the product, without what differs from input to input. */
function shape(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = /\(?[^\s(]*\/src\/[^\s)]*/.exec(error.stack ?? "")?.[0];
  if (place !== undefined && error.name !== "BrokenPropertyError") return `${error.name} ${place}`;
  return `${error.name} ${error.message}`.replaceAll(/"(?:[^"\\]|\\.)*"|\d+/g, "").slice(0, 60);
}
