/** A PostgreSQL server of the test's own: made, started on a free loopback port, stopped and deleted. */
import { asServiceUser, freePort, run } from "./process.ts";

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

/** Starts PostgreSQL from Debian's package; about two seconds. */
export async function startPostgresql(): Promise<TestServer> {
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
  await run([...user.prefix, `${bin}/pg_ctl`, "-D", data, "-w", "-l", `${directory}/log`, "start"]);
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
    async [Symbol.asyncDispose]() {
      await run([...user.prefix, `${bin}/pg_ctl`, "-D", data, "-w", "-m", "immediate", "stop"]);
      await Deno.remove(directory, { recursive: true });
    },
  };
}

function newestBinaries(): string {
  const root = "/usr/lib/postgresql";
  const versions = [...Deno.readDirSync(root)].map((entry) => entry.name).sort((a, b) => Number(b) - Number(a));
  if (!versions[0]) throw new Error(`Cannot find PostgreSQL below ${root}: apt-get install postgresql`);
  return `${root}/${versions[0]}/bin`;
}
