/** An error whose exit code is not that of any failure. */
import { type ExitCode, exitCodes } from "./exit_codes.ts";

/** Ends the program with `exitCode`, after its message was shown. */
export class ExitError extends Error {
  override readonly name = "ExitError";
  readonly exitCode: ExitCode;

  constructor(message: string, options: ErrorOptions & { readonly exitCode: ExitCode }) {
    super(message, options);
    this.exitCode = options.exitCode;
  }
}

/** The command line is wrong in a way that its grammar does not tell. */
export function usageError(message: string, options: ErrorOptions = {}): ExitError {
  return new ExitError(message, { ...options, exitCode: exitCodes.usage });
}
