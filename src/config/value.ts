/** The kinds of values of configuration keys: each knows its default, its limits and how to describe them. */
import type { PlatformPath } from "node:path";

/** A value as returned by the TOML parser. */
export type TomlValue = unknown;

/** What a kind needs besides the value. */
export interface ValueContext {
  /** Installation folder, absolute. */
  readonly folder: string;
  /** The system's path rules. */
  readonly path: PlatformPath;
}

/** The parsed value, or what is wrong with it. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };

/** One key of the schema. */
export interface Kind<T> {
  /** As written in the TOML; `undefined`: the key has no default. */
  readonly fallback: TomlValue;
  /** What would be right, as the end of "must be …". */
  readonly expected: string;
  /** Whether its value is masked wherever it is shown. */
  readonly secret: boolean;
  parse(value: TomlValue, context: ValueContext): Parsed<T>;
}

/** The type of the parsed value of a kind. */
export type ValueOf<K> = K extends Kind<infer T> ? T : never;

const problem = (text: string): { readonly problem: string } => ({ problem: text });

/** `true` or `false`. */
export function flag(fallback: boolean): Kind<boolean> {
  const expected = "true or false (without quotes)";
  return {
    fallback,
    expected,
    secret: false,
    parse: (value) => typeof value === "boolean" ? { value } : problem(`must be ${expected}`),
  };
}

/** A number between two limits, both inclusive. */
export function number<F extends number | undefined>(
  options: { fallback: F; min: number; max: number; unit: string; whole?: boolean },
): Kind<F extends number ? number : number | undefined> {
  const { fallback, min, max, unit, whole = false } = options;
  const ofUnit = unit === "" ? "" : ` of ${unit}`;
  const expected = `a ${whole ? "whole " : ""}number${ofUnit} from ${min} to ${max} (without quotes)`;
  return {
    fallback,
    expected,
    secret: false,
    parse(value) {
      if (typeof value !== "number" || !(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
        return problem(`must be ${expected}`);
      }
      return { value };
    },
  };
}

/** A text in quotes. `check` returns what is wrong with it, or `undefined`. */
export function text<F extends string | undefined>(
  options: {
    fallback: F;
    expected: string;
    charactersMax: number;
    secret?: boolean;
    check?: (value: string) => string | undefined;
  },
): Kind<F extends string ? string : string | undefined> {
  const { fallback, expected, charactersMax, secret = false, check } = options;
  return {
    fallback,
    expected,
    secret,
    parse(value) {
      if (typeof value !== "string" || value.trim() === "") return problem(`must be ${expected}, in quotes`);
      if (value.length > charactersMax) return problem(`must be ${expected}, ${charactersMax} characters at most`);
      const wrong = check?.(value);
      return wrong === undefined ? { value } : problem(wrong);
    },
  };
}

/** One of a few words, in quotes. */
export function choice<Word extends string>(words: readonly Word[]): Kind<Word | undefined> {
  const expected = `one of ${words.map((word) => `"${word}"`).join(", ")}`;
  return {
    fallback: undefined,
    expected,
    secret: false,
    parse(value) {
      const found = words.find((word) => word === value);
      return found === undefined ? problem(`must be ${expected}`) : { value: found };
    },
  };
}

/** A path, relative to the installation folder or absolute; parsed into an absolute one. */
export function path<F extends string | undefined>(
  options: { fallback: F; what: string },
): Kind<F extends string ? string : string | undefined> {
  const expected = `the path of ${options.what}, absolute or relative to the installation folder`;
  return {
    fallback: options.fallback,
    expected,
    secret: false,
    parse(value, context) {
      if (typeof value !== "string" || value.trim() === "") return problem(`must be ${expected}, in quotes`);
      // deno-lint-ignore no-control-regex -- "C:\new" contains a newline: the result of writing a single backslash
      if (/[\u0000-\u001f\u007f]/.test(value)) {
        return problem('contains a control character. In a path write each backslash twice: "C:\\\\new"');
      }
      if (context.path.sep === "/" && /^([A-Za-z]:)?\\/.test(value)) {
        return problem("is a Windows path, but this is not Windows. Write it with /");
      }
      return { value: context.path.resolve(context.folder, value) };
    },
  };
}

/** A list of texts. `check` returns what is wrong with one of them. */
export function list(
  options: { expected: string; entriesMax: number; check: (entry: string) => string | undefined },
): Kind<readonly string[]> {
  const { expected, entriesMax, check } = options;
  return {
    fallback: [],
    expected,
    secret: false,
    parse(value) {
      if (!Array.isArray(value) || !value.every((entry) => typeof entry === "string")) {
        return problem(`must be ${expected}`);
      }
      if (value.length > entriesMax) return problem(`must have ${entriesMax} entries at most`);
      for (const entry of value) {
        const wrong = check(entry);
        if (wrong !== undefined) return problem(`"${entry}" ${wrong}`);
      }
      return { value };
    },
  };
}
