import readme from "../../README.md" with { type: "text" };
import { assert, assertEquals } from "../assert.ts";
import { markdownTable, withTable } from "./generated_table.ts";

const table = markdownTable([["Fault", "Times"], ["kill -9", "2"]]);

Deno.test("a table is written between its markers, as deno fmt has it, and the rest stays", () => {
  assertEquals(table, ["| Fault   | Times |", "| ------- | ----: |", "| kill -9 |     2 |"].join("\n"));
  const text = "before\n<!-- faults -->\nold\n<!-- /faults -->\nafter";
  assertEquals(
    withTable(text, { name: "faults", table }),
    `before\n<!-- faults -->\n\n${table}\n\n<!-- /faults -->\nafter`,
  );
});

Deno.test("README has a place for each table that a task writes", () => {
  for (const name of ["faults", "network"]) assert(withTable(readme, { name, table }).includes(table));
});
