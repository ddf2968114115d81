/** The location of an installation's state. */
import { join } from "node:path";
import type { Config } from "../config/config.ts";

/** `state/` in the installation folder. */
export function stateFolderOf(config: Config): string {
  return join(config.folder, "state");
}
