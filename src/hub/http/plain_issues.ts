/** What is wrong with a body or a query, in plain sentences: the field, its value, and what it must be. */
import type * as z from "zod";

/** How much of a value is shown, in characters. */
const shownLength = 60;

/** One wrong field; `detail` completes a sentence that starts with its name. */
export interface FieldProblem {
  /** Path with dots, "" for the whole. */
  readonly field: string;
  readonly detail: string;
}

/**
 * The problems that a schema found in `value`.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { assertEquals } from "../../../tests/assert.ts";
 * const schema = z.object({ name: z.string() });
 * const { error } = schema.safeParse({ name: 5 });
 * assertEquals(plainIssues(error?.issues ?? [], { name: 5 }), [
 *   { field: "name", detail: "is a number: it must be text" },
 * ]);
 * ```
 */
export function plainIssues(issues: readonly z.core.$ZodIssue[], value: unknown): readonly FieldProblem[] {
  return issues.flatMap((issue) => {
    const field = issue.path.map(String).join(".");
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        field: field === "" ? key : `${field}.${key}`,
        detail: "is not known here: leave it out",
      }));
    }
    return [{ field, detail: detailOf(issue, valueAt(value, issue.path)) }];
  });
}

function detailOf(issue: z.core.$ZodIssue, given: unknown): string {
  if (given === undefined && issue.code !== "custom") return `is missing: it must be ${expected(issue)}`;
  switch (issue.code) {
    case "too_small":
    case "too_big":
      return `${size(given, issue)}: it must ${limit(issue)}`;
    case "invalid_value":
      return `is ${shown(given)}: it must be ${expected(issue)}`;
    case "invalid_type":
    case "invalid_union":
      return `is ${kindOf(given)}: it must be ${expected(issue)}`;
    case "custom":
      return `cannot be used: ${issue.message}`;
    default:
      return `has the wrong form: it must be ${expected(issue)}`;
  }
}

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  null: "null",
};
const formats: Readonly<Record<string, string>> = {
  datetime: "a date and time like 2026-03-01T08:00:00Z",
  date: "a date like 2026-03-01",
  url: "an address like https://example.com",
};

function expected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return kinds[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.length === 1 ? shown(issue.values[0]) : `one of ${issue.values.map(shown).join(", ")}`;
    case "invalid_format":
      return formats[issue.format] ?? (issue.format === "regex" ? byPattern(issue) : `a valid ${issue.format}`);
    case "invalid_union":
      return [...new Set(issue.errors.flatMap(([first]) => first === undefined ? [] : [expected(first)]))].join(
        " or ",
      ) ||
        "one of the kinds listed in the API description";
    case "too_small":
    case "too_big":
      return kinds[issue.origin] ?? "there";
    default:
      return "as the API description says";
  }
}

/** A pattern's schema may explain it in words; otherwise the pattern itself is shown. */
function byPattern(issue: z.core.$ZodIssueInvalidStringFormat): string {
  return issue.message.startsWith("Invalid")
    ? `text that matches ${issue.pattern ?? ""}`
    : `text with ${issue.message}`;
}

function limit(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const [bound, word] = issue.code === "too_small" ? [issue.minimum, "at least"] : [issue.maximum, "at most"];
  if (issue.origin === "string") return `have ${word} ${bound} ${bound === 1 ? "character" : "characters"}`;
  if (issue.origin === "array") return `have ${word} ${bound} ${bound === 1 ? "entry" : "entries"}`;
  return `be ${word} ${bound}`;
}

function size(given: unknown, { origin }: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  if (Array.isArray(given)) return `has ${given.length} entries`;
  if (typeof given !== "string") return `is ${shown(given)}`;
  if (given === "") return "is empty";
  // A number in a query arrives as text.
  return origin === "string" ? `has ${given.length} characters` : `is ${given.slice(0, shownLength)}`;
}

function kindOf(given: unknown): string {
  if (given === null) return "null";
  return Array.isArray(given) ? "a list" : kinds[typeof given] ?? typeof given;
}

function shown(given: unknown): string {
  const text = JSON.stringify(given) ?? String(given);
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  return at;
}
