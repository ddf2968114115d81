/** Log lines on standard error: for people at a terminal, or for a supervisor that collects them. */
import type { EntryOutput } from "./entry.ts";
import { jsonLine, textLine } from "./line.ts";

/** The format on standard error. */
export type StandardErrorFormat = "text" | "json" | "none";

const encoder = new TextEncoder();

/** `text` at a terminal, nothing elsewhere, unless `--log-format` is given. */
export function standardErrorFormat(
  logFormat: "text" | "json" | undefined,
  options: { isTerminal: boolean },
): StandardErrorFormat {
  return logFormat ?? (options.isTerminal ? "text" : "none");
}

/** Writes entries to standard error in the given format. */
export function standardErrorOutput(format: StandardErrorFormat): EntryOutput {
  if (format === "none") return () => {};
  const toLine = format === "json" ? jsonLine : textLine;
  return (entry) => writeStandardError(toLine(entry));
}

/** Writes one line. Does not fail: if nobody reads it, it is lost. */
export function writeStandardError(line: string): void {
  const bytes = encoder.encode(`${line}\n`);
  try {
    let written = 0;
    while (written < bytes.length) written += Deno.stderr.writeSync(bytes.subarray(written));
  } catch {
    // The reader is gone or full; there is nowhere else to report that.
  }
}
