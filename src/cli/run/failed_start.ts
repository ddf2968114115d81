/** Logs a start that fails before the agent's worker has opened the log. */
import { getLogger } from "@logtape/logtape";
import type { Config } from "../../config/config.ts";
import { startLogging } from "../../log/logging.ts";
import { systemClock } from "../../runtime/clock.ts";
import { errorText } from "../../runtime/error_text.ts";
import { lockState } from "../../state/state_lock.ts";
import { stateFolderOf } from "../state_folder.ts";

const log = getLogger(["cloud-link"]);

/** Runs `act`; an error also goes into the log, unless another agent is running in the folder and owns it. */
export async function loggingFailure<T>(config: Config, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    await record(config, error);
    throw error;
  }
}

async function record(config: Config, error: unknown): Promise<void> {
  try {
    (await lockState(stateFolderOf(config)))[Symbol.dispose]();
  } catch {
    return; // another agent's, or a folder closed to this user: see standard error
  }
  await using _logging = startLogging({ folder: config.folder, clock: systemClock, standardError: "none" });
  log.fatal("injixo Cloud Link cannot start: {reason}", {
    reason: errorText(error),
  });
}
