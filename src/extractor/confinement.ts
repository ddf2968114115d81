/**
 * What the extractor gives up before its first query. It keeps what a driver needs from Deno: loading the driver
 * manager, the batch's file, an SQLite file. Drivers are native code, which Deno's permissions do not confine at all;
 * only the process, its user and the service's sandbox do.
 */

/** Kinds that nothing in the extractor needs. */
const unneeded = ["net", "run", "env", "sys", "import"] as const;

/** Gives up every kind of permission that the extractor does not need. */
export async function confineExtractor(): Promise<void> {
  for (const name of unneeded) await Deno.permissions.revoke({ name });
}
