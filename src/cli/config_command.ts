/** `config`: the effective configuration, and where each value comes from. */
import { loadConfigWithOrigins } from "../config/load.ts";
import { configAsJson, configAsToml } from "../config/print.ts";
import { exitCodes } from "./exit_codes.ts";
import { print, printJson } from "./print.ts";

/** The options of the command line; `configFile` is `undefined` for the TOML beside the executable. */
export interface ConfigOptions {
  readonly configFile: string | undefined;
  readonly json: boolean;
}

/** Prints it as TOML or JSON, secrets masked. */
export function showConfig(options: ConfigOptions): number {
  const loaded = loadConfigWithOrigins(options.configFile);
  if (options.json) printJson(configAsJson(loaded));
  else print(configAsToml(loaded).trimEnd());
  return exitCodes.ok;
}
