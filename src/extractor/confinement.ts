/**
 * What the extractor gives up before it takes its first query. It keeps what a driver needs through Deno: loading the
 * driver manager, the batch's file, an SQLite file. Drivers are native code and not bound by Deno's permissions at all;
 * what bounds them is the process, its user and the service's sandbox.
 */

/** Kinds that nothing in the extractor needs. */
const unneeded = ["net", "run", "env", "sys", "import"] as const;

/** Gives up every kind of permission that the extractor has no use for. */
export async function confineExtractor(): Promise<void> {
  for (const name of unneeded) await Deno.permissions.revoke({ name });
}
