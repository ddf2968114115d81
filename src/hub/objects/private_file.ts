/**
 * Files of the hub that nobody else on the machine may read, whatever the umask and whoever created the folder: the
 * database holds the keys that sign agents' tokens.
 */

const privateMode = 0o600;

/**
 * Creates the file of an SQLite database if missing, and makes it and its log files private. SQLite gives new log files
 * the database's mode.
 */
export async function makePrivateDatabase(path: string): Promise<void> {
  (await Deno.open(path, { create: true, write: true, mode: privateMode })).close();
  if (Deno.build.os === "windows") return; // There the folder's access list decides.
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
