/**
 * The configuration for acts on a service that is there: they go by its folder, so that neither a broken file nor another
 * `[app] name` since it was installed hides it.
 */
import type { Config } from "../config/config.ts";
import { defaultsInsteadOf, loadConfig } from "../config/load.ts";
import { ConfigError } from "../config/problems.ts";
import { serviceNamesOf } from "../service/units.ts";
import { printError } from "./print.ts";

/**
 * Like `loadConfig`, with the name that the folder's service has. What is wrong with the file is shown.
 *
 * @throws {ConfigError} if the file cannot be used, and the folder has no service
 */
export async function configOfInstalled(file: string | undefined): Promise<Config> {
  const { config, problem } = loadOrDefaults(file);
  const names = Deno.build.os === "linux" ? await serviceNamesOf(config.folder) : [];
  const [installed] = names;
  if (problem !== undefined) {
    if (installed === undefined && Deno.build.os === "linux") throw problem;
    printError(problem.message);
  }
  if (installed === undefined || names.includes(config.app.name)) return config;
  if (problem === undefined) {
    printError(
      `This folder's service is "${installed}"; "service install" gives it its new name, "${config.app.name}".`,
    );
  }
  return { ...config, app: { ...config.app, name: installed } };
}

function loadOrDefaults(file: string | undefined): { config: Config; problem?: ConfigError } {
  try {
    return { config: loadConfig(file) };
  } catch (problem) {
    if (!(problem instanceof ConfigError)) throw problem;
    return { config: defaultsInsteadOf(problem), problem };
  }
}
