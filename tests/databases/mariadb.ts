/** A MariaDB server of the test's own: made, started on a free loopback port, stopped and deleted. */
import { freePort } from "../free_port.ts";
import { asServiceUser, run } from "./process.ts";
import type { TestServer } from "./postgresql.ts";

const startTimeoutMs = 60_000;

/** Starts MariaDB from Debian's package; a few seconds. */
export async function startMariadb(): Promise<TestServer> {
  const directory = await Deno.makeTempDir({ prefix: "cloud-link-my-" });
  const password = "s3cret;pass}word";
  const port = freePort();
  const data = `${directory}/data`;
  await Deno.mkdir(data);
  const user = await asServiceUser("mysql", directory);
  const common = ["--no-defaults", `--datadir=${data}`];
  await run([...user.prefix, "mariadb-install-db", ...common, "--auth-root-authentication-method=normal"]);
  const socket = `${directory}/socket`;
  const [program = "", ...args] = [
    ...user.prefix,
    ...["/usr/sbin/mariadbd", ...common, `--port=${port}`, "--bind-address=127.0.0.1", `--socket=${socket}`],
    ...[`--pid-file=${directory}/pid`, "--character-set-server=utf8mb4", "--innodb-flush-log-at-trx-commit=0"],
    ...["--max-allowed-packet=64M", "--skip-name-resolve", "--default-time-zone=+00:00"],
  ];
  const server = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null", cwd: "/" }).spawn();
  const client = (text: string, database: string[]) =>
    run([
      "mariadb",
      "--no-defaults",
      `--socket=${socket}`,
      "-uroot",
      "--default-character-set=utf8mb4",
      "-N",
      ...database,
    ], {
      input: text,
    });
  await untilAnswering(() => client("select 1", []));
  await client(
    `create database bench; create user bench@'127.0.0.1' identified by '${password}';
     grant all on *.* to bench@'127.0.0.1';`,
    [],
  );
  return {
    host: "127.0.0.1",
    port,
    database: "bench",
    user: "bench",
    password,
    sql: (text) => client(text, ["bench"]),
    async [Symbol.asyncDispose]() {
      await client("shutdown", []);
      await server.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function untilAnswering(ask: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
