/** An error whose exit code is not that of any failure. */
import type { ExitCode } from "./exit_codes.ts";

/** Ends the program with `exitCode`, after its message was shown. */
export class ExitError extends Error {
  override readonly name = "ExitError";
  readonly exitCode: ExitCode;

  constructor(message: string, options: ErrorOptions & { readonly exitCode: ExitCode }) {
    super(message, options);
    this.exitCode = options.exitCode;
  }
}
