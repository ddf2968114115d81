/** A PostgreSQL server of the test's own: made, started on a free loopback port, stopped and deleted. */
import { freePort } from "../free_port.ts";
import { asServiceUser, run } from "./process.ts";

/** A running server; disposing it stops it and deletes its data. */
export interface TestServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** Runs SQL by the server's own client. */
  sql(text: string): Promise<string>;
}

/** A server that can be killed and started again. */
export interface RestartableServer extends TestServer {
  /** kill -9 of all its processes. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Starts PostgreSQL from Debian's package; about two seconds. */
export async function startPostgresql(): Promise<RestartableServer> {
  const bin = newestBinaries();
  const directory = await Deno.makeTempDir({ prefix: "cloud-link-pg-" });
  const password = "s3cret;pass}word";
  const port = freePort();
  const user = await asServiceUser("postgres", directory);
  await Deno.writeTextFile(`${directory}/password`, password);
  await run(["chmod", "644", `${directory}/password`]);
  const data = `${directory}/data`;
  await run([
    ...user.prefix,
    ...[`${bin}/initdb`, "-D", data, "-U", "bench", "-A", "scram-sha-256", `--pwfile=${directory}/password`],
    ...["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
  ]);
  await Deno.writeTextFile(
    `${data}/postgresql.conf`,
    `
listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = '${directory}'
fsync = off
max_connections = 30
logging_collector = off
timezone = 'UTC'
`,
    { append: true },
  );
  const start = async () => {
    await run([...user.prefix, `${bin}/pg_ctl`, "-D", data, "-w", "-l", `${directory}/log`, "start"]);
  };
  await start();
  const sql = (text: string, database = "bench") =>
    run([
      `${bin}/psql`,
      "-h",
      "127.0.0.1",
      "-p",
      String(port),
      "-U",
      "bench",
      "-d",
      database,
      "-qAtv",
      "ON_ERROR_STOP=1",
    ], {
      input: text,
      env: { PGPASSWORD: password },
    });
  await sql("create database bench", "postgres");
  return {
    host: "127.0.0.1",
    port,
    database: "bench",
    user: "bench",
    password,
    sql,
    start,
    async kill() {
      const [main = ""] = (await Deno.readTextFile(`${data}/postmaster.pid`)).split("\n");
      const children = (await run(["ps", "-o", "pid=", "--ppid", main])).split("\n").map(Number).filter((pid) =>
        pid > 0
      );
      for (const pid of [Number(main), ...children]) killNow(pid);
      while (await Promise.all(children.map(isRunning)).then((running) => running.some((one) => one))) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      // Where nobody buries the dead, the next start takes the zombie for a server that runs.
      await Deno.remove(`${data}/postmaster.pid`);
      await Deno.remove(`${directory}/.s.PGSQL.${port}.lock`);
    },
    async [Symbol.asyncDispose]() {
      await run([...user.prefix, `${bin}/pg_ctl`, "-D", data, "-w", "-m", "immediate", "stop"]);
      await Deno.remove(directory, { recursive: true });
    },
  };
}

function killNow(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Not as a zombie, which somebody has yet to bury. */
async function isRunning(pid: number): Promise<boolean> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "State:\tZ");
  return !/State:\s+[ZX]/.test(status);
}

function newestBinaries(): string {
  const root = "/usr/lib/postgresql";
  const versions = [...Deno.readDirSync(root)].map((entry) => entry.name).sort((a, b) => Number(b) - Number(a));
  if (!versions[0]) throw new Error(`Cannot find PostgreSQL below ${root}: apt-get install postgresql`);
  return `${root}/${versions[0]}/bin`;
}
