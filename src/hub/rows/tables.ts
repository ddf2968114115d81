/**
 * The tables of imported rows: one for each import data type, with the manual's columns, times in UTC as ms since the
 * epoch. A row's key is its integration, its time and its number in its batch, so a window's rows are adjacent, and
 * replacing them touches nothing else. Further tables record which batch owns which time range, and the counts to
 * display.
 *
 * Everything can be rebuilt from the batches, so it is in its own file (`rows/rows.db`), written by a single worker.
 */
import { DatabaseSync } from "node:sqlite";
import { type DataType, dataTypes } from "../../protocol/database.ts";
import { columnsOf, timeColumnOf } from "../../source/columns.ts";

/** The version of the schema; a file with another one is discarded and rebuilt from the batches. */
const schemaVersion = 1;
/** How long a connection waits for the worker's commit, in ms. */
const busyMs = 10_000;
/** Page cache while loading, and while reading, in KiB. */
const loadCacheKiB = 65_536;
const readCacheKiB = 8192;
/** A log file that grew larger is truncated to this, in bytes. */
const logBytesKept = 64 * 1024 * 1024;

/** One table of rows. */
export interface RowTable {
  readonly name: string;
  /** As in `columnsOf`, in that order. */
  readonly columns: readonly string[];
  /** The column that windows apply to. */
  readonly time: string;
}

/** The table of a data type. */
export const tableOf: Readonly<Record<DataType, RowTable>> = {
  interval: table("interval", "contact_interval"),
  contact: table("contact", "contact"),
  "agent-status": table("agent-status", "agent_status"),
};

function table(dataType: DataType, name: string): RowTable {
  return { name, columns: columnsOf[dataType].map((column) => column.name), time: timeColumnOf(dataType) };
}

/** Opens the file, creating it if missing or of another version. Only the worker's connection writes. */
export function openRows(file: string, { mode }: { mode: "read" | "load" }): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: busyMs });
  try {
    database.exec(`
      pragma journal_mode = wal;
      pragma synchronous = full;
      pragma cache_size = -${mode === "load" ? loadCacheKiB : readCacheKiB};
      pragma journal_size_limit = ${logBytesKept};
      pragma trusted_schema = off;
    `);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Creates the tables in an open file. Returns the file's id, by which the hub notices a new file. */
export function ensureTables(database: DatabaseSync): string {
  database.exec("begin immediate");
  const version = database.prepare("pragma user_version").get()?.["user_version"];
  if (version !== schemaVersion) {
    for (const name of ["meta", "source", "load", "segment", "imported", "quarter", "total"]) drop(database, name);
    for (const dataType of dataTypes) drop(database, tableOf[dataType].name);
    database.exec(bookkeeping);
    for (const dataType of dataTypes) database.exec(tableText(dataType));
    database.prepare("insert into meta values (?)").run(crypto.randomUUID());
    database.exec(`pragma user_version = ${schemaVersion}`);
  }
  database.exec("commit");
  return String(database.prepare("select id from meta").get()?.["id"]);
}

function drop(database: DatabaseSync, name: string): void {
  database.exec(`drop table if exists ${name}`);
}

function tableText(dataType: DataType): string {
  const { name, time } = tableOf[dataType];
  const columns = columnsOf[dataType].map(({ name, kind }) => {
    const type = kind === "text" || kind === "channel" ? "text" : "integer";
    return `${name} ${type}${name === time ? " not null" : ""}`;
  });
  return `create table ${name} (source integer not null, n integer not null, ${columns.join(", ")},
    primary key (source, ${time}, n)) without rowid`;
}

const bookkeeping = `
  create table meta (id text not null);
  create table source (key integer primary key, id text not null unique);
  -- Each batch that was loaded, or could not be: error says why.
  create table load (n integer primary key autoincrement, source integer not null, dataType text not null,
    batchId text not null, epoch integer not null, sequence integer not null, fromMs integer not null,
    toMs integer not null, lane text not null, sourceRows integer not null, agentRefused integer not null,
    batchRows integer not null, rows integer not null, overtaken integer not null, hubRefused integer not null,
    reasons text not null, receivedAt integer not null, loadedAt integer not null, error text,
    unique (source, batchId, epoch, sequence));
  create index loadNewest on load (source, dataType, n);
  create index loadRefused on load (source, dataType, n) where agentRefused + hubRefused > 0;
  -- Whose rows a time range has; disjoint.
  create table segment (source integer not null, dataType text not null, fromMs integer not null, toMs integer not null,
    epoch integer not null, sequence integer not null, load integer not null, rows integer not null,
    primary key (source, dataType, fromMs)) without rowid;
  create index segmentByLoad on segment (load);
  -- Time ranges that were read, whoever did; disjoint, and those that touch are one.
  create table imported (source integer not null, dataType text not null, fromMs integer not null,
    toMs integer not null, primary key (source, dataType, fromMs)) without rowid;
  create table quarter (source integer not null, dataType text not null, at integer not null, contacts integer not null,
    answered integer not null, primary key (source, dataType, at)) without rowid;
  create table total (source integer not null, dataType text not null, rows integer not null,
    primary key (source, dataType)) without rowid;
`;
