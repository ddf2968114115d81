/** A process of its own that runs one query and prints its CSV: for locales and permissions. */
import { csvOf, withDatabase } from "./open.ts";

await withDatabase(JSON.parse(Deno.env.get("ATTRIBUTES") ?? "[]"), async (database) => {
  const { csv } = await csvOf(database, Deno.args[0] ?? "");
  await Deno.stdout.write(new TextEncoder().encode(csv));
});
