import * as z from "zod";
import { NewIntegrationBody, PageQuery, RowsQuery } from "../../../src/hub/api_schemas.ts";
import { plainIssues } from "../../../src/hub/http/plain_issues.ts";
import { BatchDeclaration } from "../../../src/protocol/delivery.ts";
import { assert, assertEquals } from "../../assert.ts";

function told(schema: z.ZodType, value: unknown): string[] {
  const { error } = schema.safeParse(value);
  return plainIssues(error?.issues ?? [], value).map(({ field, detail }) => `${field} ${detail}`);
}

Deno.test("a wrong field is told by its name, what it is and what it must be", () => {
  const integration = { name: "ACD", type: "csv" };
  for (
    const [change, expected] of [
      [{ name: undefined }, "name is missing: it must be text"],
      [{ name: null }, "name is null: it must be text"],
      [{ name: ["a"] }, "name is a list: it must be text"],
      [{ name: "" }, "name is empty: it must have at least 1 character"],
      [{ name: "x".repeat(300) }, "name has 300 characters: it must have at most 255 characters"],
      [{ name: "a\u0007" }, "name has the wrong form: it must be text with no control characters"],
      [{ type: "xml" }, 'type is "xml": it must be one of "csv", "database"'],
      [{ type: undefined }, 'type is missing: it must be one of "csv", "database"'],
      [{ draft: "yes" }, "draft is text: it must be true or false"],
      [{ colour: "red" }, "colour is not known here: leave it out"],
      [{ settings: { port: 1.5 } }, "settings.port is a number: it must be a whole number"],
      [{ settings: { everyMinutes: 7 } }, "settings.everyMinutes is a number: it must be 15 or 30 or 60"],
    ] as const
  ) assertEquals(told(NewIntegrationBody, { ...integration, ...change }), [expected]);
  assertEquals(told(NewIntegrationBody, 5), [" is a number: it must be an object"]);
  assertEquals(told(PageQuery, { limit: "0" }), ["limit is 0: it must be at least 1"]);
  assertEquals(told(PageQuery, { limit: "" }), ["limit is empty: it must be at least 1"]);
  assertEquals(told(PageQuery, { limit: "9999" }), ["limit is 9999: it must be at most 500"]);
  assertEquals(told(RowsQuery, { from: "yesterday" }), [
    "from is text: it must be a date and time like 2026-03-01T08:00:00Z or a date like 2026-03-01",
  ]);
});

Deno.test("no schema's own words come through, whatever is wrong with a declaration", () => {
  for (const value of [undefined, null, 0, "", [], {}, { id: 5, parts: 3, bytes: -1, lane: "x", createdAt: "x" }]) {
    const sentences = told(BatchDeclaration, value);
    assert(sentences.length > 0);
    for (const sentence of sentences) assert(!/Invalid|expected|received/.test(sentence), sentence);
  }
});
