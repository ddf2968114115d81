/**
 * Files of the hub that nobody else on the machine may read, whatever the umask and whoever made the folder: the database
 * holds the keys by which agents' tokens are signed.
 */

const privateMode = 0o600;

/**
 * Makes the file of an SQLite database when it is not there, and takes it and the log files beside it away from others.
 * SQLite gives new log files the database's mode.
 */
export async function makePrivateDatabase(path: string): Promise<void> {
  (await Deno.open(path, { create: true, write: true, mode: privateMode })).close();
  if (Deno.build.os === "windows") return; // The folder's access list counts there.
  for (const file of [path, `${path}-wal`, `${path}-shm`]) await takeFromOthers(file);
}

async function takeFromOthers(path: string): Promise<void> {
  try {
    const { mode } = await Deno.stat(path);
    if (((mode ?? 0) & 0o077) !== 0) await Deno.chmod(path, privateMode);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
