/** Where an installation lives when no `--config` says so. */
import { dirname } from "node:path";

/** Name of the configuration file in the installation folder. */
export const configFileName = "injixo-cloud-link.toml";

/** The folder of the compiled executable; from a checkout, the current one. */
export function defaultFolder(): string {
  return Deno.build.standalone ? dirname(Deno.realPathSync(Deno.execPath())) : Deno.cwd();
}
