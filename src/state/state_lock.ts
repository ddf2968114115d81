/** One agent per installation folder: an advisory lock that the operating system drops when the process ends. */
import { join } from "node:path";
import { privateFileMode } from "../durable/real_file_system.ts";

/** Name of the lock file in the state folder. Its content means nothing. */
export const lockFileName = "agent.lock";

/** Another process runs on this state. */
export class StateLockedError extends Error {
  override readonly name = "StateLockedError";
}

/**
 * Takes the lock of a state folder; disposing releases it.
 *
 * @throws {StateLockedError} when another process has it.
 */
export async function lockState(stateFolder: string): Promise<Disposable> {
  const path = join(stateFolder, lockFileName);
  const file = await Deno.open(path, { create: true, write: true, mode: privateFileMode });
  try {
    if (await file.tryLock(true)) return { [Symbol.dispose]: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  throw new StateLockedError(
    `Cannot use the state "${stateFolder}": another agent runs on it. Stop that one first; a second installation needs ` +
      `a folder and an [app] name of its own`,
  );
}
