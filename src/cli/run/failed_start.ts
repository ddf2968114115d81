/** Logs a start that fails before the agent's worker has opened the log. */
import { getLogger } from "@logtape/logtape";
import { dirname } from "node:path";
import type { Config } from "../../config/config.ts";
import { loadConfig } from "../../config/load.ts";
import { ConfigError } from "../../config/problems.ts";
import { startLogging } from "../../log/logging.ts";
import { systemClock } from "../../runtime/clock.ts";
import { errorText, oneLine } from "../../runtime/error_text.ts";
import { lockState } from "../../state/state_lock.ts";
import { realPathOf } from "../real_path.ts";
import { stateFolderOf } from "../state_folder.ts";
import { refuseRootBesideService } from "./own_service.ts";

const log = getLogger(["cloud-link"]);

/** The configuration; what is wrong with it also goes into the log of its folder, once an agent has run there. */
export async function loadConfigLogged(file: string | undefined): Promise<Config> {
  try {
    return loadConfig(file);
  } catch (error) {
    if (error instanceof ConfigError) await record({ folder: await realPathOf(dirname(error.file)) }, error);
    throw error;
  }
}

/** Runs `act`; an error also goes into the log, unless another agent is running in the folder and owns it. */
export async function loggingFailure<T>(config: Config, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    await record(config, error);
    throw error;
  }
}

async function record({ folder }: Pick<Config, "folder">, error: unknown): Promise<void> {
  try {
    await refuseRootBesideService({ folder });
    (await lockState(stateFolderOf({ folder })))[Symbol.dispose]();
  } catch {
    return; // another agent's, or a folder closed to this user: see standard error
  }
  await using _logging = startLogging({ folder, clock: systemClock, standardError: "none" });
  log.fatal("injixo Cloud Link cannot start: {reason}", {
    reason: oneLine(errorText(error)),
  });
}
