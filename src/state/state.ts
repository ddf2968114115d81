/**
 * Opening the state folder `state/` of an installation: the lock, the owner check, the database.
 *
 * ```
 * state/agent.lock   held while an agent runs
 * state/state.db     identity, link, ledgers, the spool's index
 * state/spool/       one file per batch
 * state/set-aside/   what could not be used any longer
 * ```
 */
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { type FileSystem, isDiskFull } from "../durable/file_system.ts";
import { privateFileMode, privateFolderMode } from "../durable/real_file_system.ts";
import { makeSetAsideFolder } from "../durable/set_aside.ts";
import type { Clock } from "../runtime/clock.ts";
import { sentence } from "../runtime/error_text.ts";
import { StateDamagedError } from "../runtime/state_damaged.ts";
import { type Owner, ownerDifference, readOwner, writeOwner } from "./owner.ts";
import { openStateDatabase, type StateDatabase } from "./state_database.ts";
import { lockFileName, lockState } from "./state_lock.ts";

/** Name of the database in the state folder. */
export const databaseFileName = "state.db";
/** Name of the subfolder that holds the batches. */
export const spoolFolderName = "spool";
/** Name of the subfolder that holds what was set aside. */
const setAsideFolderName = "set-aside";

const log = getLogger(["cloud-link", "state"]);

/** The open state of an installation. Disposing closes the database and releases the lock. */
export interface State extends Disposable {
  readonly database: StateDatabase;
  /** Path of the state folder. */
  readonly folder: string;
  /** Where to move unusable files. */
  readonly setAsideFolder: string;
}

/** Whose state it is to be, and what opening needs. */
export interface OpenStateOptions {
  readonly owner: Owner;
  readonly fs: FileSystem;
  readonly clock: Pick<Clock, "now">;
}

/**
 * Opens the state in `folder` (`<installation>/state`). Creates it if missing; sets it aside and starts afresh if it
 * belongs to another owner or cannot be read.
 *
 * @throws {StateLockedError} when another agent runs on it.
 */
export async function openState(folder: string, options: OpenStateOptions): Promise<State> {
  try {
    return await openLocked(folder, options);
  } catch (cause) {
    if (!isDiskFull(cause)) throw cause;
    throw new Error(`Cannot open the state "${folder}": the disk is full. Make room on it, then start again`, {
      cause,
    });
  }
}

async function openLocked(folder: string, { owner, fs, clock }: OpenStateOptions): Promise<State> {
  await fs.makeFolder(folder);
  if (Deno.build.os !== "windows") await chmod(folder, privateFolderMode);
  const lock = await lockState(folder);
  try {
    const setAsideFolder = join(folder, setAsideFolderName);
    if (lock.beginRun()) {
      log.warn(
        "The previous run was not shut down: it was killed, or the computer lost power. What it had not finished " +
          "is done now.",
      );
    }
    const database = await openOwn(folder, { owner, fs, now: clock.now(), setAsideFolder });
    return {
      database,
      folder,
      setAsideFolder,
      [Symbol.dispose]() {
        database[Symbol.dispose]();
        lock[Symbol.dispose]();
      },
    };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/**
 * Opens the database of a state read-only; `undefined` if there is none yet, or one whose first agent ended before it
 * had tables. For commands when no agent is running.
 */
export async function readState(folder: string): Promise<StateDatabase | undefined> {
  const path = join(folder, databaseFileName);
  try {
    await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  using opened = new DisposableStack();
  const database = opened.use(openStateDatabase(path, { readOnly: true }));
  if (database.get<{ user_version: number }>("PRAGMA user_version")?.user_version === 0) return undefined;
  opened.move();
  return database;
}

interface Opening {
  readonly owner: Owner;
  readonly fs: FileSystem;
  readonly now: number;
  readonly setAsideFolder: string;
}

async function openOwn(folder: string, opening: Opening): Promise<StateDatabase> {
  const { owner, fs } = opening;
  if (await isMissing(join(folder, databaseFileName)) && !await isMissing(join(folder, spoolFolderName))) {
    log.error(
      "The state is gone: {name} is no longer in {folder}. This installation starts afresh and must be linked " +
        "again; to make it the old one, stop the service and put the file back.",
      { name: databaseFileName, folder },
    );
  }
  let database = await openOrReplace(folder, opening);
  const recorded = readOwner(database);
  const difference = recorded === undefined ? undefined : ownerDifference(recorded, owner);
  if (difference !== undefined) {
    database[Symbol.dispose]();
    const to = await moveAway(folder, { ...opening, why: "other-owner", only: () => true });
    log.warn(
      "Not using the state found in {folder}: {difference}. It was moved to {to}; this installation starts afresh and " +
        "must be linked. To make it the old installation again, put folder, name and machine back as they were.",
      { folder, difference, to },
    );
    database = await openOrReplace(folder, opening);
  }
  // A machine that had no id may have one now.
  if (difference !== undefined || recorded?.machineId !== owner.machineId) {
    writeOwner(database, { ...owner, machineId: owner.machineId ?? recorded?.machineId });
  }
  await fs.syncFolder(folder);
  return database;
}

async function isMissing(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => false, (error) => error instanceof Deno.errors.NotFound);
}

async function openOrReplace(folder: string, opening: Opening): Promise<StateDatabase> {
  const path = join(folder, databaseFileName);
  try {
    return await openPrivate(path);
  } catch (error) {
    if (!(error instanceof StateDamagedError)) throw error;
    const only = (name: string) => name.startsWith(databaseFileName);
    const to = await moveAway(folder, { ...opening, why: "damaged", only });
    log.error(
      "Cannot read the state: {reason} It was moved to {to}; this installation starts afresh and must be linked again.",
      { reason: sentence(error.message), to },
    );
    return await openPrivate(path);
  }
}

/** SQLite creates files by the umask; the log files beside it take the database's mode. */
async function openPrivate(path: string): Promise<StateDatabase> {
  const file = await Deno.open(path, { create: true, write: true, mode: privateFileMode });
  file.close();
  return openStateDatabase(path);
}

async function moveAway(
  folder: string,
  options: Opening & { why: string; only: (name: string) => boolean },
): Promise<string> {
  const { fs, setAsideFolder, only } = options;
  const to = await makeSetAsideFolder(setAsideFolder, options.why, options);
  const names = (await fs.list(folder)).map(({ name }) => name)
    .filter((name) => name !== setAsideFolderName && name !== lockFileName && only(name));
  // The database goes last: as long as it is there, the next start finds the same difference and moves the rest.
  names.sort((a, b) =>
    Number(a.startsWith(databaseFileName)) - Number(b.startsWith(databaseFileName)) || (a < b ? 1 : -1)
  );
  for (const name of names) await fs.rename(join(folder, name), join(to, name));
  await fs.syncFolder(to);
  await fs.syncFolder(folder);
  return to;
}
