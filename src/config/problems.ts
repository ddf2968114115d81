/** What is wrong with a configuration file: everything at once, in words that say what would be right. */

import type { Config } from "./config.ts";

/** One thing to change in the file. */
export interface ConfigProblem {
  /** E.g. `[app] name`, or `[app]`, or empty for the file as a whole. */
  readonly key: string;
  /** 1-based line in the file, if known. */
  readonly line?: number;
  /** What is wrong and what would be right. May have several lines (a syntax error shows its position). */
  readonly message: string;
}

/** The configuration cannot be used. `message` lists all `problems`; nothing was started. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** Path of the file. */
  readonly file: string;
  readonly problems: readonly ConfigProblem[];
  /** What is right in it, with defaults for the rest; `undefined` if it cannot be read at all. */
  readonly readable: Config | undefined;

  constructor(
    file: string,
    problems: readonly ConfigProblem[],
    options: { cause?: unknown; readable?: Config } = {},
  ) {
    super(describe(file, problems), options);
    this.file = file;
    this.problems = problems;
    this.readable = options.readable;
  }
}

function describe(file: string, problems: readonly ConfigProblem[]): string {
  const count = problems.length === 1 ? "" : `: ${problems.length} problems were found in it`;
  const lines = problems.map((problem) => {
    const place = problem.line === undefined ? "" : `line ${problem.line}: `;
    const key = problem.key === "" ? "" : `${problem.key}: `;
    return `  ${place}${key}${problem.message.replaceAll("\n", "\n    ")}`;
  });
  return `Cannot use the configuration "${file}"${count}.\n${lines.join("\n")}`;
}
