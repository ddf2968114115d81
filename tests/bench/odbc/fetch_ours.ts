/**
 * Our way: by `src/odbc/` into a payload file of the spool, compressed and hashed. Arguments: the attributes as JSON (or
 * `sqlite:FILE` for the runtime's own SQLite), query, output. Prints rows, seconds, bytes, peak memory and how the columns
 * were bound.
 */
import { openSqlite } from "../../../src/database/sqlite.ts";
import { writeCsv } from "../../../src/database/write_csv.ts";
import { realFileSystem } from "../../../src/durable/real_file_system.ts";
import type { PlannedColumn } from "../../../src/odbc/column_plan.ts";
import { connectOdbc } from "../../../src/odbc/connection.ts";
import { rowsOfBlock } from "../../../src/odbc/fetch_blocks.ts";
import { openOdbcLibrary } from "../../../src/odbc/library.ts";
import { PayloadWriter } from "../../../src/spool/payload_writer.ts";

const [source = "", query = "", path = ""] = Deno.args;
const signal = AbortSignal.timeout(10 * 60_000);
const isFile = source.startsWith("sqlite:");
using library = openOdbcLibrary();
await using database = isFile
  ? openSqlite({ file: source.slice("sqlite:".length) })
  : await connectOdbc({ library, attributes: JSON.parse(source), signal });
const start = performance.now();
await using rows = await database.query(query, { signal });
const reserve = () => Promise.resolve();
const writer = new PayloadWriter({ fs: realFileSystem, path, memoryBytesMax: 64 * 1024, reserve });
const result = await writeCsv(rows, writer, { signal });
const { file } = await writer.finish();
const seconds = (performance.now() - start) / 1000;
const columns = rows.columns as readonly PlannedColumn[];
const peak = Deno.readTextFileSync("/proc/self/status").match(/VmHWM:\s+(\d+)/)?.[1];
await Deno.stdout.write(new TextEncoder().encode(`${
  JSON.stringify({
    rows: result.rows,
    seconds,
    bytes: file.bytes,
    payloadBytes: file.payloadBytes,
    peakMb: Math.round(Number(peak) / 1024),
    bound: isFile ? "" : columns.map((column) => `${column.cType}:${column.width}`).join(),
    blockRows: isFile ? 0 : rowsOfBlock(columns),
  })
}\n`));
