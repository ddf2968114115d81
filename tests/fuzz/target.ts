/** What is fuzzed: something of the product that takes what others wrote. */
import type { Random } from "./random.ts";

/** Runs inputs. Disposing it ends what it has started. */
export interface Target extends AsyncDisposable {
  /** What the input is, for mutation. `json`: a JSON text, changed value by value. */
  readonly form: "text" | "json";
  /** Words of the format. */
  readonly words: readonly string[];
  /** So many inputs at the same time. @default 1 */
  readonly parallel?: number;
  /** Makes an input from nothing. */
  generate(random: Random): string;
  /** Throws when a property does not hold. What the product itself refuses is no throw. */
  run(input: string): void | Promise<void>;
}

/** A target by its name, made when its turn comes: coverage counts from before its modules are loaded. */
export interface TargetEntry {
  readonly name: string;
  /** The modules whose coverage is told, by how their paths below src/ begin. */
  readonly modules: readonly string[];
  /** How many inputs the test takes in a run. */
  readonly inputsInTest: number;
  make(): Promise<Target>;
}

/** A property that does not hold. */
export class BrokenPropertyError extends Error {
  override readonly name = "BrokenPropertyError";
}

/** Throws {@linkcode BrokenPropertyError} unless `holds`. */
export function require(holds: boolean, property: () => string): asserts holds {
  if (!holds) throw new BrokenPropertyError(property());
}

/** What only a mistake in the program says. */
const leaks =
  /\bundefined\b|\[object |\bNaN\b|Cannot read propert|is not a function|is not iterable|Cannot destructure|at file:\/\/|TypeError|ReferenceError|RangeError/;

/**
 * A message for people: not empty, with nothing in it that only a mistake of the program says. `input` may have such words
 * itself, and then they may be repeated.
 */
export function requireMessage(message: string, input: string): void {
  require(message.trim() !== "", () => "A message is empty");
  const leak = leaks.exec(message)?.[0];
  require(leak === undefined || input.includes(leak), () => `A message says "${leak}": ${message.slice(0, 500)}`);
}

/** None of the secrets stands in the text. */
export function requireSecret(text: string, secrets: readonly string[]): void {
  for (const secret of secrets) {
    require(!text.includes(secret), () => `The secret ${JSON.stringify(secret)} is shown: ${text.slice(0, 500)}`);
  }
}
