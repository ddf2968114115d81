/** npm `odbc`, reading everything, then writing CSV. Arguments: the package's folder, connection string, query, output. */
import { createRequire } from "node:module";

const [folder = "", connectionString = "", query = "", output = ""] = Deno.args;
const odbc = createRequire(`${folder}/`)("odbc");
const connection = await odbc.connect(connectionString);
const file = await Deno.open(output, { write: true, create: true, truncate: true });
const encoder = new TextEncoder();
const start = performance.now();
let rows = 0;
const blockRows = 2000;
// Not by its cursor, which ends after the first block of a driver that streams.
const all: Record<string, unknown>[] = await connection.query(query);
rows = all.length;
for (let at = 0; at < rows; at += blockRows) {
  let text = "";
  for (const row of all.slice(at, at + blockRows)) text += Object.values(row).map(field).join(",") + "\r\n";
  await file.write(encoder.encode(text));
}
const seconds = (performance.now() - start) / 1000;
await connection.close();
file.close();
await Deno.stdout.write(encoder.encode(`${JSON.stringify({ rows, seconds })}\n`));

function field(value: unknown): string {
  if (value === null) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
