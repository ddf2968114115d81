/** README's tables against the code: what a reader is told is there, and nothing is missing. */
import { commandLine } from "../../src/cli/command_line.ts";
import { exitCodes, exitCodeTexts } from "../../src/cli/exit_codes.ts";
import { schema } from "../../src/config/schema.ts";
import denoJson from "../../deno.json" with { type: "json" };
import readme from "../../README.md" with { type: "text" };
import { assert, assertEquals } from "../assert.ts";

const sourceFolder = new URL("../../src/", import.meta.url);

type Row = readonly string[];

/** The rows of the table whose first column has this head. */
function table(head: string): Row[] {
  const lines = readme.split("\n");
  const start = lines.findIndex((line) => line.split("|")[1]?.trim() === head);
  assert(start >= 0, `README has no table with the head "${head}"`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"));
  return lines.slice(start + 2, length < 0 ? undefined : start + length)
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()));
}

/** What is between backticks. */
function quoted(cell: string | undefined): string[] {
  return [...(cell ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
}

Deno.test("README has every key of the configuration, with its default, and no other", () => {
  const keys = Object.entries(schema).flatMap(([section, kinds]) =>
    Object.entries(kinds).map(([key, { fallback }]) => [
      `[${section}] ${key}`,
      fallback === undefined ? "" : typeof fallback === "string" ? fallback : JSON.stringify(fallback),
    ])
  );
  assertEquals(table("key").map(([key, fallback]) => [quoted(key)[0], quoted(fallback)[0] ?? ""]), keys);
});

Deno.test("README has every exit code, with the text that --help shows", () => {
  const rows = table("exit code").map(([code, meaning]) => [Number(code), meaning?.replaceAll("`", "")]);
  assertEquals(rows, exitCodeTexts.map(([code, text]) => [code, text]));
  assertEquals(rows.map(([code]) => code), Object.values(exitCodes));
});

interface UsageTerm {
  readonly type: string;
  readonly name?: string;
  readonly terms?: readonly UsageTerm[] | readonly (readonly UsageTerm[])[];
  readonly hidden?: unknown;
}

/** The commands at the top of the grammar, with the commands below each. */
function commands(terms: readonly UsageTerm[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const sequence of sequences(terms)) {
    const [first, ...rest] = sequence;
    if (first?.type === "command" && first.name !== undefined) found.set(first.name, [...commands(rest).keys()]);
  }
  return found;
}

/** The alternatives, each a sequence that may begin with a command. */
function sequences(terms: readonly UsageTerm[]): (readonly UsageTerm[])[] {
  const [first] = terms;
  if (first?.type !== "exclusive" && first?.type !== "optional") return [terms];
  const inner = (first.terms ?? []) as readonly (readonly UsageTerm[] | UsageTerm)[];
  return inner.flatMap((one) => sequences(Array.isArray(one) ? one : [one as UsageTerm]));
}

Deno.test("README has every command of the command line, and no other", () => {
  const grammar = commands(commandLine.usage as readonly UsageTerm[]);
  assert(grammar.get("service")?.includes("install"), "the grammar is read wrongly");
  const rows = new Map(table("command").map((row) => [quoted(row[0])[0] ?? "", row]));
  // The library adds it to every grammar.
  assert(rows.delete("completion"), "README lacks the command completion");
  assertEquals([...rows.keys()].sort(), [...grammar.keys()].sort());
  for (const [name, below] of grammar) {
    for (const word of below) {
      const row = rows.get(name)?.join(" ") ?? "";
      assert(new RegExp(`\\b${word}\\b`).test(row), `README's row of "${name}" lacks "${word}"`);
    }
  }
});

Deno.test("README's library table has every dependency of deno.json, and no other", () => {
  const named = table("library").flatMap(([library]) => quoted(library)).filter((name) => !name.startsWith("node:"));
  assertEquals(named.sort(), Object.keys(denoJson.imports).sort());
});

/** All texts of the source without comments: joined where they are broken, with `…` for what is filled in. */
function sourceText(): string {
  const parts: string[] = [];
  const visit = (folder: URL) => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      if (isDirectory) visit(new URL(`${name}/`, folder));
      else if (/\.tsx?$/.test(name)) parts.push(Deno.readTextFileSync(new URL(name, folder)));
    }
  };
  visit(sourceFolder);
  return parts.join("\n")
    .split("\n").filter((line) => !/^\s*(\/\/|\/?\*)/.test(line)).join("\n")
    .replaceAll(/["'`]\s*\+\s*["'`]/g, "")
    .replaceAll(/\$\{[^{}]*\}|\{\w+\}/g, "…");
}

Deno.test("every message of README's troubleshooting table is in the source, word for word", () => {
  const source = sourceText();
  const messages = table("message").flatMap(([message]) => quoted(message));
  assert(messages.length > 10);
  // Numbers are filled in with their unit.
  const missing = messages.filter((message) => !source.includes(message.replace(/… s$/, "…")));
  assertEquals(missing, []);
});

Deno.test("every key that a message of the program names is a key of the configuration", () => {
  const keys = new Set(
    Object.entries(schema).flatMap(([section, kinds]) => Object.keys(kinds).map((key) => `[${section}] ${key}`)),
  );
  const sections = Object.keys(schema).join("|");
  // Words in camel case only: "[database] with …" names the section.
  const named = [...sourceText().matchAll(new RegExp(`\\[(?:${sections})\\] [a-z]+[A-Z]\\w*`, "g"))].map(([key]) =>
    key
  );
  assert(named.includes("[spool] maxMegabytes"));
  assertEquals(named.filter((key) => !keys.has(key)), []);
});
