/** `query` and `check` with the parts of a connection in the TOML, on a real server. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { startPostgresql } from "../databases/postgresql.ts";

const main = fileURLToPath(new URL("../../main.ts", import.meta.url));

Deno.test("query and check connect by the parts in the configuration once it says what kind of database is there", async () => {
  await using server = await startPostgresql();
  const folder = await Deno.makeTempDir({ prefix: "cloud-link-kept-" });
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", "--no-prompt", main, ...args, "--config", join(folder, "kept.toml")],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  };
  const configure = async (type: string) => {
    const { host, port, database, user, password } = server;
    await Deno.writeTextFile(join(folder, "password.txt"), password);
    await Deno.writeTextFile(
      join(folder, "kept.toml"),
      `[database]\n${type}\nhost = "${host}"\nport = ${port}\ndatabase = "${database}"\nuser = "${user}"\n` +
        'passwordFile = "password.txt"\n[hub]\nurl = "http://127.0.0.1:9"\n',
    );
  };
  try {
    await configure('type = "postgresql"');
    const query = await run("query", "SELECT 40 + 2 AS answer");
    assertEquals(query.code, 0, query.text);
    assertMatch(query.text, /answer[^]*42[^]*Connected to PostgreSQL/);
    assertMatch((await run("check")).text, /connected to PostgreSQL/);
    await configure("");
    assert((await run("query", "SELECT 1")).text.includes("Add [database] type"));
    assertMatch((await run("check")).text, /not tested, since \[database\] type does not say/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
