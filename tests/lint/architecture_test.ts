import architecture from "../../src/ARCHITECTURE.md" with { type: "text" };
import { assert, assertEquals } from "../assert.ts";
import plugin, { allowedImports, forbiddenImport } from "./architecture.ts";

function complaints(source: string, file: string): string[] {
  return Deno.lint.runPlugin(plugin, `/repository/${file}`, source).map(({ message }) => message);
}

Deno.test("allowed-imports is silent about a folder that may be imported, and about packages", () => {
  const source = 'import { z } from "zod";\nimport "node:fs";\nimport { a } from "./own.ts";\n' +
    'import { b } from "../protocol/linking.ts";\nexport * from "../runtime/clock.ts";\nconst a = 1;\nexport { a };\n';
  assertEquals(complaints(source, "src/agent/agent.ts"), []);
});

for (
  const source of [
    'import { a } from "../hub/app.ts";',
    'import type { A } from "../hub/app.ts";',
    'import "../hub/app.ts";',
    'export { a } from "../hub/app.ts";',
    'export * from "../hub/app.ts";',
  ]
) {
  Deno.test(`allowed-imports complains in agent/ of: ${source}`, () => {
    assertEquals(complaints(`${source}\n`, "src/agent/agent.ts"), ["agent/ must not import hub/"]);
  });
}

Deno.test("allowed-imports lets a single file be imported and says of its neighbours which", () => {
  assertEquals(complaints('import "../agent/ports.ts";\n', "src/cloud/delivery.ts"), []);
  assertEquals(complaints('import "../agent/uploader.ts";\n', "src/cloud/delivery.ts"), [
    "cloud/ must not import agent/uploader",
  ]);
});

Deno.test("allowed-imports resolves what a file in a subfolder imports", () => {
  assertEquals(complaints('import "../../agent/ports.ts";\n', "src/hub/database/open.ts"), [
    "hub/ must not import agent/",
  ]);
  assertEquals(complaints('import "../limits.ts";\n', "src/hub/database/open.ts"), []);
  assertEquals(complaints('import "..\\u002fhub/app.ts";\n', "src\\agent\\agent.ts"), ["agent/ must not import hub/"]);
});

Deno.test("allowed-imports lets cli/ tie everything together, and is silent outside src/", () => {
  const source = 'import "../hub/hub.ts";\nimport "../agent/agent.ts";\n';
  assertEquals(complaints(source, "src/cli/run/run.ts"), []);
  assertEquals(complaints(source, "tests/agent/agent_test.ts"), []);
});

Deno.test("every folder of src/ but cli/ has its row, and every row its folder", () => {
  const folders = [...Deno.readDirSync(new URL("../../src/", import.meta.url))]
    .filter(({ isDirectory, name }) => isDirectory && name !== "cli").map(({ name }) => name).sort();
  assertEquals(Object.keys(allowedImports).sort(), folders);
});

Deno.test("every row names folders and files that exist", () => {
  for (const entry of Object.values(allowedImports).flat()) {
    const path = new URL(`../../src/${entry}${entry.includes("/") ? ".ts" : ""}`, import.meta.url);
    Deno.statSync(path);
  }
});

Deno.test("no two of the parts that know nothing of one another may import each other", () => {
  for (const [from, to] of [["agent", "cloud"], ["agent", "spool"], ["spool", "cloud"], ["hub", "agent"]] as const) {
    const forbidden = `${from}/ must not import ${to}/`;
    assertEquals(forbiddenImport(`${from}/a.ts`, `${to}/b.ts`), forbidden);
  }
});

Deno.test("the map in ARCHITECTURE.md has the same rows", () => {
  const rows = [...architecture.matchAll(/^\| `(\w+)\/` +\|[^|]*\|([^|]*)\|$/gm)]
    .map(([, folder = "", imports = ""]) => [folder, imports.trim() === "nothing" ? [] : imports.trim().split(", ")]);
  const { cli, ...others } = Object.fromEntries(rows);
  assert(cli);
  assertEquals(others, allowedImports);
});

Deno.test("every file that ARCHITECTURE.md names exists", () => {
  const named = [...architecture.matchAll(/`((?:[\w-]+\/)+\w+\.ts)`/g)].map(([, path = ""]) => path);
  assert(named.length > 20);
  for (const path of named) {
    const root = /^(tests|installer)\//.test(path) ? "../../" : "../../src/";
    Deno.statSync(new URL(`${root}${path}`, import.meta.url));
  }
});
