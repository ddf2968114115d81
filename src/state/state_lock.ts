/**
 * One agent per installation folder: an advisory lock that the operating system drops when the process ends. The lock
 * file records whether a run is in progress, so that the next one knows whether it ended properly or was killed.
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
   * Begins a run; disposing ends it. Returns whether the previous run was killed (or lost power) before it could end.
   * Does not fail: if the disk cannot be written, only this is unknown.
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
    `Cannot use the state "${stateFolder}": another agent is using it. Stop that one first; a second installation needs ` +
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
        // The next run will report a kill that did not happen; on such a disk that hardly matters.
      }
      file.close();
    },
  };
}
