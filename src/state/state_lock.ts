/**
 * One agent per installation folder: an advisory lock that the operating system drops when the process ends. The lock's
 * file says whether a run is going on, so that the next one knows whether it was ended or killed.
 */
import { join } from "node:path";
import { privateFileMode } from "../durable/real_file_system.ts";

/** Name of the lock file in the state folder: empty, or `running` while an agent runs. */
export const lockFileName = "agent.lock";

const running = new TextEncoder().encode("running\n");

/** Another process runs on this state. */
export class StateLockedError extends Error {
  override readonly name = "StateLockedError";
}

/** The lock of a state folder; disposing releases it. */
export interface StateLock extends Disposable {
  /**
   * A run begins; disposing ends it. Returns whether the run before was killed (or the power failed) before it could
   * end. Does not fail: on a disk that cannot be written only this is not known.
   */
  beginRun(): boolean;
}

/**
 * Takes the lock of a state folder.
 *
 * @throws {StateLockedError} when another process has it.
 */
export async function lockState(stateFolder: string): Promise<StateLock> {
  const path = join(stateFolder, lockFileName);
  const file = await Deno.open(path, { create: true, read: true, write: true, mode: privateFileMode });
  try {
    if (await file.tryLock(true)) return lockOn(file);
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

function lockOn(file: Deno.FsFile): StateLock {
  let began = false;
  return {
    beginRun() {
      try {
        const wasRunning = file.statSync().size > 0;
        began = true;
        if (!wasRunning) {
          file.writeSync(running);
          file.syncSync();
        }
        return wasRunning;
      } catch {
        return false;
      }
    },
    [Symbol.dispose]() {
      try {
        if (began) file.truncateSync();
      } catch {
        // The next run tells of a kill that was none: on a disk like this one nobody will mind.
      }
      file.close();
    },
  };
}
