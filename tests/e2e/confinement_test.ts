/** In a compiled executable, the agent's worker can do what it needs and nothing else; the main thread can do nothing. */
import { join } from "node:path";
import { assertEquals } from "../assert.ts";
import { compile, projectFolder } from "../setup/executable.ts";
import { Installation, Program } from "./installation.ts";

Deno.test("outside its folders and hosts a compiled agent gets NotCapable", async () => {
  await using elsewhere = await folderBehindLink();
  const toml = `[app]\nimportDirectory = "${elsewhere.link}"`;
  await using installation = await Installation.make("https://hub.example", { toml });
  const path = installation.path("probe-executable");
  await compile(join(projectFolder, "tests/e2e/confined/main.ts"), {
    output: path,
    include: [join(projectFolder, "tests/e2e/confined/worker.ts")],
  });
  await using program = new Program([installation.folder, "10"], { path });
  await program.status;
  await program.stop();
  const { inWorker, inMain } = JSON.parse(program.printed);
  const refused = {
    "write in the import folder": "NotCapable",
    "read beside the import folder": "NotCapable",
    "read outside": "NotCapable",
    "write outside": "NotCapable",
    "open a database outside": "NotCapable",
    "connect to another host": "NotCapable",
    "connect to another port of this machine": "NotCapable",
    "fetch from another host": "NotCapable",
    "listen for others": "NotCapable",
    "read the environment": "NotCapable",
    "run a program": "NotCapable",
    "load a native library": "NotCapable",
  };
  assertEquals(inWorker, {
    "read the import folder": "ok",
    "write in the installation folder": "ok",
    ...refused,
  });
  assertEquals(inMain, {
    "read the import folder": "NotCapable",
    "write in the installation folder": "NotCapable",
    ...refused,
    "run a program": "ok", // it starts extractors
  });
});

async function folderBehindLink(): Promise<AsyncDisposable & { link: string }> {
  const root = await Deno.makeTempDir({ prefix: "cloud-link-elsewhere-" });
  await Deno.mkdir(join(root, "csv"));
  const link = join(root, "link");
  await Deno.symlink(join(root, "csv"), link);
  return { link, [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
}
