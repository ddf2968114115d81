/** The location of an installation unless `--config` is given. */
import { dirname } from "node:path";

/** Name of the configuration file in the installation folder. */
export const configFileName = "injixo-cloud-link.toml";

/** The folder of the compiled executable; in a checkout, the current folder. */
export function defaultFolder(): string {
  return Deno.build.standalone ? dirname(Deno.realPathSync(Deno.execPath())) : Deno.cwd();
}
