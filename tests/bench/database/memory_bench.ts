/**
 * What agent and extractors take together while a long history is read: it is to be the same for a few rows and for
 * millions, and for rows of any length.
 */
import { startMariadb } from "../../databases/mariadb.ts";
import { startPostgresql, type TestServer } from "../../databases/postgresql.ts";
import type { Measurement } from "../measurement.ts";
import { memoryOfTree } from "../process_usage.ts";
import { DatabaseSite } from "./database_site.ts";

const part = "database-memory";
const goalMb = 200;
const mb = 1_000_000;
const sampleEveryMs = 100;
/** How long reading may take, in ms. */
const patienceMs = 15 * 60_000;
const textCharacters = 1_000_000;
const historyDays = 360;

/** @param options.rows narrow rows over a year, of two servers; `texts`: rows with a text of 1 MB each */
export async function benchDatabaseMemory({ rows, texts }: { rows: number; texts: number }): Promise<Measurement[]> {
  const results: Measurement[] = [];
  const text = `repeat('x', ${textCharacters})`;
  {
    await using server = await startPostgresql();
    await server.sql(`${postgresqlContacts("calls", rows)}; ${postgresqlContacts("texts", texts, text)}`);
    results.push(...await measureBoth(server, { databaseType: "postgresql", database: "PostgreSQL", rows, texts }));
  }
  {
    await using server = await startMariadb();
    await server.sql(mariadbContacts("calls", rows) + mariadbContacts("texts", texts, text));
    results.push(...await measureBoth(server, { databaseType: "mysql", database: "MariaDB", rows, texts }));
  }
  return results;
}

/** First the narrow rows, then the texts. */
async function measureBoth(
  server: TestServer,
  options: { databaseType: string; database: string; rows: number; texts: number },
): Promise<Measurement[]> {
  const { databaseType, database, rows, texts } = options;
  return [
    await measure(server, { databaseType, rows, table: "calls", what: `${database}, ${rows} rows` }),
    await measure(server, { databaseType, rows: texts, table: "texts", what: `${database}, ${texts} rows with 1 MB` }),
  ];
}

async function measure(
  server: TestServer,
  options: { databaseType: string; rows: number; what: string; table: string },
): Promise<Measurement> {
  const { databaseType, rows, what, table } = options;
  const history = new Date(Date.now() - (historyDays + 3) * 86_400_000).toISOString().slice(0, 10);
  await using site = await DatabaseSite.start(server, {
    databaseType,
    dataType: "contact",
    history,
    query: `SELECT * FROM ${table}`,
  });
  const deadline = performance.now() + patienceMs;
  const startedMs = performance.now();
  let [peak, firstPeak, read] = [0, 0, 0];
  for (; read < rows; await new Promise((resolve) => setTimeout(resolve, sampleEveryMs))) {
    if (performance.now() > deadline) throw new Error(`Only ${read} of ${rows} rows were read:\n${site.agent.printed}`);
    peak = Math.max(peak, await memoryOfTree(site.agent.pid));
    read = rowsRead(site.agent.printed);
    if (read < rows / 5) firstPeak = peak;
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const note =
    `agent and extractors, shared pages counted once; ${Math.round(firstPeak / mb)} MB for the first fifth; ` +
    `${Math.round(seconds)} s, rests included`;
  return { part, what, value: peak / mb, unit: "MB", goal: { below: goalMb }, note };
}

/** Of the history, by the agent's log. */
function rowsRead(log: string): number {
  let rows = 0;
  for (const [, count] of log.matchAll(/Read (\d+) rows of history/g)) rows += Number(count);
  return rows;
}

const columns = (time: string) =>
  `queueidentifier integer, queuename varchar(40), timestamp ${time}, answered integer, duration integer,
   channel varchar(20), agent varchar(40), note text`;
const spreadSeconds = historyDays * 86_400;

function postgresqlContacts(table: string, rows: number, note = "null"): string {
  return `create table ${table} (${columns("timestamp")});
    alter table ${table} alter note set storage external;
    insert into ${table} select i % 50, 'Warteschlange Köln ' || (i % 50),
      localtimestamp(0) - interval '1 day' - i * ${spreadSeconds / rows} * interval '1 second', (i % 10 <> 0)::int,
      i * 7919 % 600, 'calls', 'Agent "' || (i % 400) || '", Team ' || (i % 7), ${note}
    from generate_series(1, ${rows}::bigint) i;
    create index on ${table} (timestamp); analyze ${table}`;
}

function mariadbContacts(table: string, rows: number, note = "null"): string {
  return `create table ${table} (${columns("datetime").replace(/text$/, "longtext")}, index (timestamp));
    insert into ${table} select seq % 50, concat('Warteschlange Köln ', seq % 50),
      utc_timestamp() - interval 1 day - interval floor(seq * ${spreadSeconds} / ${rows}) second, if(seq % 10 <> 0, 1, 0),
      seq * 7919 % 600, 'calls', concat('Agent "', seq % 400, '", Team ', seq % 7), ${note} from seq_1_to_${rows};`;
}
