import { join } from "node:path";
import { knownSecrets } from "../../src/cli/secrets.ts";
import { loadConfig } from "../../src/config/load.ts";
import { assertEquals } from "../assert.ts";

Deno.test("what a service has as its credentials is known, without becoming this process's own", async () => {
  const folder = await Deno.makeTempDir();
  const credentials = await Deno.makeTempDir();
  await Deno.writeTextFile(join(credentials, "acd"), "k3pt-secret\n");
  await Deno.writeTextFile(join(credentials, "https_proxy"), "http://ann:pr0xy-secret@127.0.0.1:9\n");
  const file = join(folder, "link.toml");
  await Deno.writeTextFile(
    file,
    '[database]\nhost = "db"\ndatabase = "acd"\nuser = "u"\npasswordCredential = "acd"\n',
  );
  const { secrets, unknown } = await knownSecrets(loadConfig(file), { credentials });
  assertEquals(unknown, []);
  assertEquals(["k3pt-secret", "pr0xy-secret"].filter((value) => secrets.every((known) => known.value !== value)), []);
  assertEquals(Deno.env.get("CREDENTIALS_DIRECTORY"), undefined);
  await Deno.remove(folder, { recursive: true });
  await Deno.remove(credentials, { recursive: true });
});
