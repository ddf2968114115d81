/** The location of an installation's state. */
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { stateFolderName } from "../runtime/state_folder.ts";

/** `state/` in the installation folder. */
export function stateFolderOf({ folder }: Pick<Config, "folder">): string {
  return join(folder, stateFolderName);
}
