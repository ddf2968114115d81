/** Files that the service's account may not read: checked as an account that is not root. */
import { join } from "node:path";
import { assertEquals } from "../assert.ts";

const nobody = 65534;

Deno.test("csv folder imports a file when its rights are mended, and the others meanwhile", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    // One bundle: the account must not need the caches of another.
    const program = join(folder, "program.js");
    const script = new URL("./csv_unprivileged.ts", import.meta.url).pathname;
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const args = ["bundle", "--quiet", "--config", config, "--output", program, script];
    // What runs the tests may lie in a folder that only its user may enter.
    const deno = join(folder, "deno");
    await Deno.copyFile(Deno.execPath(), deno);
    const bundled = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
    assertEquals(bundled.code, 0);
    const imports = join(folder, "import");
    await Deno.mkdir(imports);
    await Deno.writeTextFile(join(imports, "open.csv"), "open");
    await Deno.writeTextFile(join(imports, "secret.csv"), "secret");
    await Deno.chmod(join(imports, "secret.csv"), 0o000);
    const isRoot = Deno.uid() === 0;
    if (isRoot) {
      for (const path of [folder, imports, join(imports, "secret.csv")]) await Deno.chown(path, nobody, nobody);
    }
    const child = new Deno.Command(deno, {
      args: ["run", "--quiet", "--no-config", "--cached-only", "-A", program, imports],
      env: { DENO_DIR: join(folder, "cache"), HOME: folder, DENO_NO_UPDATE_CHECK: "1" },
      cwd: folder,
      stdout: "piped",
      stderr: "inherit",
      ...(isRoot ? { uid: nobody, gid: nobody } : {}),
    }).spawn();
    const output = child.output();
    await Promise.race([exists(join(imports, "ready")), output]);
    await Deno.chmod(join(imports, "secret.csv"), 0o600);
    const { code, stdout } = await output;
    assertEquals(code, 0);
    const { names, lines } = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(names, ["open.csv", "secret.csv"]);
    const about = (lines as string[]).filter((line) => line.includes("secret.csv"));
    assertEquals(about.length, 3);
    assertEquals(
      about[0],
      "warning Cannot import secret.csv: the service's account may not read it (Permission denied (os error 13)); " +
        "give the account the right to read the file. It is retried until it works.",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Resolves when the file is there. */
async function exists(path: string): Promise<void> {
  const watcher = Deno.watchFs(join(path, ".."));
  using _ = { [Symbol.dispose]: () => watcher.close() };
  const isThere = () => Deno.stat(path).then(() => true, () => false);
  if (await isThere()) return;
  for await (const _event of watcher) if (await isThere()) return;
}
