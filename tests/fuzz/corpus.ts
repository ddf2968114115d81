/**
 * The kept inputs of a target, `tests/fuzz/corpus/<target>/*.jsonl`: one input a line as a JSON string.
 *
 * | file | what |
 * | --- | --- |
 * | `seeds.jsonl` | written by hand: what the format can do |
 * | `coverage.jsonl` | found: each reaches code that none before it reaches |
 * | `regressions.jsonl` | what once broke something; every one is tried in every test run |
 */
import { join } from "node:path";

/** The kinds of kept inputs. */
export const corpusKinds = ["seeds", "coverage", "regressions"] as const;
/** One of {@linkcode corpusKinds}. */
export type CorpusKind = (typeof corpusKinds)[number];
/** All kept inputs of a target. */
export type Corpus = Readonly<Record<CorpusKind, readonly string[]>>;

const root = join(import.meta.dirname ?? ".", "corpus");

/** Reads a target's corpus; a file that is not there is empty. */
export async function loadCorpus(target: string): Promise<Corpus> {
  const entries = await Promise.all(corpusKinds.map(async (kind) => [kind, await read(fileOf(target, kind))] as const));
  return Object.fromEntries(entries) as unknown as Corpus;
}

/** Replaces one of a target's files. */
export async function saveCorpus(target: string, kind: CorpusKind, inputs: readonly string[]): Promise<void> {
  await Deno.mkdir(join(root, target), { recursive: true });
  await Deno.writeTextFile(fileOf(target, kind), inputs.map((input) => `${JSON.stringify(input)}\n`).join(""));
}

function fileOf(target: string, kind: CorpusKind): string {
  return join(root, target, `${kind}.jsonl`);
}

async function read(file: string): Promise<string[]> {
  try {
    const lines = (await Deno.readTextFile(file)).split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as string);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
