/**
 * Rows per second of the executable's `query --output FILE.csv.zst`, beside a C program that binds the same types and only
 * fetches, one that writes the same file, too, unixODBC's isql, pyodbc and npm `odbc`: medians of runs that take turns, so that a busy machine slows all of
 * them alike. Processor seconds per million rows depend less on what else the machine does; they count starting, too.
 */
import { DatabaseSync } from "node:sqlite";
import { formatConnectionString, withDefaults } from "../../src/odbc/connection_string.ts";
import { driverProfile } from "../../src/odbc/driver_profile.ts";
import { startMariadb } from "../databases/mariadb.ts";
import { startPostgresql } from "../databases/postgresql.ts";
import { run } from "../databases/process.ts";
import { attributesFor } from "../odbc/open.ts";

/** What one contestant did on one database. */
export interface OdbcMeasurement {
  readonly database: string;
  readonly contestant: string;
  readonly rowsPerSecond: number;
  /** Ours divided by this one's. */
  readonly oursRatio: number;
  /** Of the contestant's process, without the database server's. */
  readonly processorSecondsPerMillion: number;
  /** What `oursRatio` is to be at least, where there is a goal. */
  readonly goal: number | undefined;
  readonly note: string;
}

export interface OdbcBenchOptions {
  /** @default 500000 */
  readonly rows?: number;
  /** @default 3 */
  readonly rounds?: number;
  /** The program under test. @default the sources, run by Deno */
  readonly executable?: string;
  /** Where npm `odbc` is installed; without it that contestant is left out and said so. @default a temporary folder */
  readonly npmFolder?: string;
}

interface Fetched {
  readonly rows: number;
  readonly seconds: number;
  readonly bound?: string;
  readonly blockRows?: number;
  readonly peakMb?: number;
  readonly payloadBytes?: number;
}

type Contestant = { readonly name: string; run(): Promise<Fetched> };

/** Linux counts processor time in hundredths of a second (USER_HZ). */
const ticksPerSecond = 100;
/** As in `csv_file_sink.ts`. */
const zstdLevel = "1";
const query = "select * from contacts";
const here = new URL("./odbc/", import.meta.url).pathname;
const config = new URL("../../deno.json", import.meta.url).pathname;
const main = new URL("../../main.ts", import.meta.url).pathname;
const fromSources = [Deno.execPath(), "run", "-A", "--no-check", "--config", config];
const goals: Readonly<Record<string, number>> = { "C, only fetching": 0.9, "pyodbc with csv": 2, "npm odbc": 3 };

/** Runs everything; one database after the other. */
export async function benchOdbc(options: OdbcBenchOptions = {}): Promise<OdbcMeasurement[]> {
  const { rows = 500_000, rounds = 3 } = options;
  const program = options.executable ? [options.executable] : [...fromSources, main];
  const directory = await Deno.makeTempDir({ prefix: "cloud-link-bench-" });
  try {
    const limits = { fetching: `${directory}/fetch_only`, writing: `${directory}/fetch_csv` };
    await run(["cc", "-O2", "-o", limits.fetching, `${here}fetch_only.c`, "-lodbc"]);
    await run(["cc", "-O2", "-o", limits.writing, `${here}fetch_csv.c`, "-lodbc", "-lzstd", "-lpthread"]);
    const npm = options.npmFolder ?? await installNpmOdbc(directory);
    const measure = (database: string, attributes: { key: string; value: string }[], alsoFile?: string) =>
      measureDatabase({ database, attributes, directory, program, limits, npm, rounds, rows, alsoFile });
    const results: OdbcMeasurement[] = [];
    {
      await using server = await startPostgresql();
      await server.sql(postgresqlTable(rows));
      results.push(...await measure("PostgreSQL", [...attributesFor("PostgreSQL Unicode", server)]));
    }
    {
      await using server = await startMariadb();
      await server.sql(mariadbTable(rows));
      results.push(...await measure("MariaDB", [...attributesFor("MariaDB Unicode", server)]));
    }
    const file = `${directory}/bench.sqlite`;
    makeSqlite(file, rows);
    const sqlite = [{ key: "DRIVER", value: "SQLite3" }, { key: "DATABASE", value: file }];
    results.push(...await measure("SQLite", sqlite, file));
    return results;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

interface DatabaseBench {
  readonly database: string;
  readonly attributes: { key: string; value: string }[];
  readonly directory: string;
  readonly program: readonly string[];
  /** The programs in C. */
  readonly limits: { readonly fetching: string; readonly writing: string };
  readonly npm: string | undefined;
  readonly rounds: number;
  readonly rows: number;
  readonly alsoFile: string | undefined;
}

async function measureDatabase(bench: DatabaseBench): Promise<OdbcMeasurement[]> {
  const { database, rounds, rows } = bench;
  const first = await firstRun(bench);
  const contestants = contestantsOf(bench, first);
  const seconds = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  const processor = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of contestants) {
      const before = await processorSecondsOfChildren();
      const fetched = await run();
      if (fetched.rows !== rows) throw new Error(`${name} read ${fetched.rows} rows of ${rows}`);
      seconds.get(name)?.push(fetched.seconds);
      processor.get(name)?.push(await processorSecondsOfChildren() - before);
    }
  }
  const medianOf = (name: string) => median(seconds.get(name) ?? []);
  const mine = medianOf(ours);
  return contestants.map(({ name }) => ({
    database,
    contestant: name,
    rowsPerSecond: Math.round(rows / medianOf(name)),
    oursRatio: Math.round(medianOf(name) / mine * 100) / 100,
    processorSecondsPerMillion: Math.round(median(processor.get(name) ?? []) / rows * 1e8) / 100,
    goal: goals[name],
    note: name === ours ? `into a batch: peak ${first.peakMb} MB, payload ${first.payloadBytes} bytes` : "",
  }));
}

const ours = "query --output x.csv.zst";

/** Warms the server, and says which C types were bound. */
async function firstRun({ attributes, directory }: DatabaseBench): Promise<Fetched> {
  const output = `${directory}/batch`;
  await Deno.remove(output).catch(() => {});
  return parse(await run([...fromSources, `${here}fetch_ours.ts`, JSON.stringify(attributes), query, output]));
}

function contestantsOf(bench: DatabaseBench, first: Fetched): Contestant[] {
  const { attributes, directory, program, limits, npm, rows, alsoFile } = bench;
  const profile = driverProfile(attributes[0]?.value ?? "");
  // psqlodbc's Fetch=1 relies on blocks of rows, which not all of the others ask for.
  const theirs = withDefaults(attributes, [{ key: "Fetch", value: "2000" }]);
  const streaming = profile.family === "postgresql" ? theirs : attributes;
  const connection = formatConnectionString(withDefaults(streaming, profile.options));
  const output = `${directory}/output`;
  const bound = [String(first.blockRows), first.bound ?? ""];
  const command = (source: string) => async () => {
    const file = `${output}.csv.zst`;
    const args = ["query", "--connection", "-", query, "--output", file];
    return printed(await run([...program, ...args], { input: `${source}\n` }));
  };
  const contestants: Contestant[] = [
    { name: ours, run: command(formatConnectionString(attributes)) },
    {
      name: "C, only fetching",
      run: async () => parse(await run([limits.fetching, connection, query, ...bound])),
    },
    {
      name: "C, the same file",
      run: async () => parse(await run([limits.writing, connection, query, ...bound, `${output}.zst`, zstdLevel])),
    },
    { name: "isql", run: () => timeIsql(connection, rows) },
    {
      name: "pyodbc with csv",
      run: async () => parse(await run(["/usr/bin/python3", `${here}fetch_pyodbc.py`, connection, query, output])),
    },
  ];
  if (npm) {
    const odbc = [Deno.execPath(), "run", "-A", "--no-check", "--no-config", `${here}fetch_npm.ts`];
    contestants.push({
      name: "npm odbc",
      run: async () => parse(await run([...odbc, npm, connection, query, output])),
    });
  }
  if (alsoFile) contestants.push({ name: "query of type sqlite", run: command(`sqlite:${alsoFile}`) });
  return contestants;
}

/** What `query` says at its end. */
function printed(output: string): Fetched {
  const [, rows, seconds] = /^(\d+) rows in (\d+\.\d+) s/m.exec(output) ?? [];
  if (rows === undefined) throw new Error(`Cannot read what query printed: ${output}`);
  return { rows: Number(rows), seconds: Number(seconds) };
}

/** Of all processes that this one has waited for, from `/proc/self/stat`: the 16th and 17th field. */
async function processorSecondsOfChildren(): Promise<number> {
  const text = await Deno.readTextFile("/proc/self/stat");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
}

/** isql has no clock of its own, so its connecting counts too: some ms. */
async function timeIsql(connection: string, rows: number): Promise<Fetched> {
  const start = performance.now();
  const output = await run(["isql", "-k", connection, "-b", "-d,"], { input: `${query}\n` });
  const lines = output.split("\n").filter((line) => line !== "").length;
  if (lines < rows) throw new Error(`isql read ${lines} rows of ${rows}: ${output.slice(0, 500)}`);
  return { rows, seconds: (performance.now() - start) / 1000 };
}

async function installNpmOdbc(directory: string): Promise<string | undefined> {
  const folder = `${directory}/npm`;
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/package.json`, "{}");
  const install = new Deno.Command("npm", {
    args: ["install", "--silent", "--no-audit", "--no-fund", "odbc@2.6.0"],
    cwd: folder,
    stdout: "null",
    stderr: "null",
  });
  const { success } = await install.output();
  return success ? folder : undefined;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

function parse(output: string): Fetched {
  return JSON.parse(output);
}

const columns = (types: { big: string; time: string; double: string }) =>
  `id ${types.big}, queueidentifier integer, queuename varchar(40), ts ${types.time}, answered integer, duration integer,
   channel varchar(20), agent varchar(40), price decimal(10,2), ratio ${types.double}`;

function postgresqlTable(rows: number): string {
  return `create table contacts (${columns({ big: "bigint", time: "timestamp", double: "double precision" })});
    insert into contacts select i, i % 50, 'Warteschlange Köln ' || (i % 50), timestamp '2024-01-01' + i * interval '7 seconds',
      (i % 10 <> 0)::int, i * 7919 % 600, (array['calls','chats','emails'])[1 + i % 3],
      case when i % 10 = 0 then null else 'Agent "' || (i % 400) || '", Team ' || (i % 7) end,
      (i * 31 % 100000) / 100.0, (i * 17 % 1000) / 8.0 from generate_series(1, ${rows}::bigint) i;
    analyze contacts;`;
}

function mariadbTable(rows: number): string {
  return `create table contacts (${columns({ big: "bigint primary key", time: "datetime", double: "double" })});
    insert into contacts select seq, seq % 50, concat('Warteschlange Köln ', seq % 50),
      timestamp'2024-01-01 00:00:00' + interval seq * 7 second, if(seq % 10 <> 0, 1, 0), seq * 7919 % 600,
      elt(1 + seq % 3, 'calls', 'chats', 'emails'),
      if(seq % 10 = 0, null, concat('Agent "', seq % 400, '", Team ', seq % 7)), (seq * 31 % 100000) / 100.0,
      (seq * 17 % 1000) / 8.0 from seq_1_to_${rows};`;
}

function makeSqlite(file: string, rows: number): void {
  const database = new DatabaseSync(file);
  database.exec(`create table contacts (${columns({ big: "bigint", time: "timestamp", double: "double" })});
    with recursive c(i) as (select 1 union all select i + 1 from c where i < ${rows})
    insert into contacts select i, i % 50, 'Warteschlange Köln ' || (i % 50), datetime(1704067200 + i * 7, 'unixepoch'),
      i % 10 <> 0, i * 7919 % 600, case i % 3 when 0 then 'calls' when 1 then 'chats' else 'emails' end,
      case when i % 10 = 0 then null else 'Agent "' || (i % 400) || '", Team ' || (i % 7) end,
      (i * 31 % 100000) / 100.0, (i * 17 % 1000) / 8.0 from c;`);
  database.close();
}

if (import.meta.main) {
  const [rows, rounds, npmFolder, executable] = Deno.args;
  const options = {
    ...(rows ? { rows: Number(rows) } : {}),
    ...(rounds ? { rounds: Number(rounds) } : {}),
    ...(npmFolder ? { npmFolder } : {}),
    ...(executable ? { executable } : {}),
  };
  // deno-lint-ignore no-console -- a program of its own
  console.table(await benchOdbc(options));
}
