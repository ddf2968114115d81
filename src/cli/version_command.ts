/** `version`: of the program, and of what it is built with. */
import { programName, version } from "../runtime/version.ts";
import { exitCodes } from "./exit_codes.ts";
import { print, printJson } from "./print.ts";

/** Prints the version. */
export function showVersion(options: { readonly json: boolean }): number {
  const { os, arch } = Deno.build;
  if (options.json) printJson({ name: programName, version, deno: Deno.version.deno, v8: Deno.version.v8, os, arch });
  else print(`${programName} ${version} (Deno ${Deno.version.deno}, ${os} ${arch})`);
  return exitCodes.ok;
}
