import { join } from "node:path";
import { checkLocal } from "../../src/cli/local_checks.ts";
import { loadConfig } from "../../src/config/load.ts";
import { assertEquals } from "../assert.ts";
import { makeAuthority } from "../egress/certificates.ts";

Deno.test("check takes a CA file exactly if run does", async () => {
  const folder = await Deno.makeTempDir();
  const { ca } = await makeAuthority(folder);
  const file = join(folder, "link.toml");
  await Deno.writeTextFile(file, '[hub]\ncaFile = "own.pem"\n');
  const checked = async (pem: string) => {
    await Deno.writeTextFile(join(folder, "own.pem"), pem);
    const { detail, result } = (await checkLocal(loadConfig(file))).find(({ name }) => name === "CA file") ?? {};
    return [result, detail?.replaceAll(await Deno.realPath(folder), "")];
  };
  assertEquals(await checked(`${ca}${ca}`), ["ok", '"/own.pem" has 2 certificates']);
  const [result, detail] = await checked(ca.slice(0, 200));
  assertEquals([result, detail?.split(". ")[0]], [
    "failed",
    'Cannot use the certificates of "/own.pem": it has no certificate',
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("check tells an import folder that is none", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const file = join(folder, "link.toml");
  await Deno.writeTextFile(file, '[app]\nimportDirectory = "link.toml"\n');
  assertEquals((await checkLocal(loadConfig(file))).find(({ name }) => name === "Import folder"), {
    name: "Import folder",
    result: "failed",
    detail: `"${file}" is not a folder`,
    remedy: "Correct [app] importDirectory and restart the agent",
  });
  await Deno.remove(folder, { recursive: true });
});
