/** What accompanies a file that users download, so that whoever offers or checks it need not open it. */
import { createHash } from "node:crypto";
import { basename } from "node:path";

/**
 * Writes `FILE.sha256` in the format of `sha256sum --check`, and `FILE.json` with the version, which the hub shows
 * (`hub --downloads`), and the checksum that ties it to this very file.
 */
export async function accompany(path: string, { version }: { version: string }): Promise<void> {
  const sha256 = createHash("sha256").update(await Deno.readFile(path)).digest("hex");
  await Deno.writeTextFile(`${path}.sha256`, `${sha256}  ${basename(path)}\n`);
  await Deno.writeTextFile(`${path}.json`, `${JSON.stringify({ version, sha256 })}\n`);
}
