/** One hub per data folder: an advisory lock that the operating system drops when the process ends. */
import { join } from "node:path";

/**
 * Takes the lock of a data folder, creating the folder if missing; disposing releases it. Fails if the lock is taken.
 */
export async function lockData(folder: string): Promise<Disposable> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const file = await Deno.open(join(folder, "hub.lock"), { create: true, write: true, mode: 0o600 });
  try {
    if (await file.tryLock(true)) return file;
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  throw new Error(
    `Cannot use the data in "${folder}": another hub is using it. Stop that one first, or name another folder with --data`,
  );
}
