import { demoFiles } from "../../src/cli/demo/demo_data.ts";
import { type ArrivedFile, compareFiles, conclude } from "../../src/cli/demo/demo_summary.ts";
import { assert, assertEquals } from "../assert.ts";

const dropped = demoFiles({ lastDay: "2026-03-01", days: 3 });
const rows = { there: 100, arrived: 100 };

function arrived(): ArrivedFile[] {
  return dropped.map(({ name, bytes }) => ({ name, rows: 481, content: bytes }));
}

Deno.test("the rehearsal succeeds when all files arrived as they were, and all rows", () => {
  const { files, lines } = compareFiles(dropped, arrived().toReversed());
  assertEquals(files, { there: 3, arrived: 3 });
  assert(
    lines.length === 3 && lines.every((line) => /^intervals_\S+\.csv .* 481 {2}[0-9a-f]{16}… as dropped$/.test(line)),
  );
  assertEquals(conclude({ files, rows }), { line: "Everything arrived.", exitCode: 0 });
});

Deno.test("the rehearsal fails when a file is missing, was changed or cut, and says which", () => {
  const [first, second, third] = arrived();
  assert(first !== undefined && second !== undefined && third !== undefined);
  const flipped = Uint8Array.from(second.content);
  flipped[100] = (flipped[100] ?? 0) ^ 1;
  const cases = {
    "did not arrive": [first, third],
    DIFFERS: [first, { ...second, content: flipped }, third],
    "… DIFFERS": [first, { ...second, content: second.content.slice(0, -1) }, third],
  };
  for (const [verdict, given] of Object.entries(cases)) {
    const { files, lines } = compareFiles(dropped, given);
    assertEquals(files, { there: 3, arrived: 2 });
    assertEquals(lines.map((line) => line.endsWith(verdict)), [false, true, false], lines.join("\n"));
    assertEquals(conclude({ files, rows }), { line: "NOT everything arrived: see above.", exitCode: 1 });
  }
});

Deno.test("the rehearsal fails when rows are missing, and when there are more than there were", () => {
  const { files } = compareFiles(dropped, arrived());
  for (const count of [0, 99, 101]) {
    assertEquals(conclude({ files, rows: { there: 100, arrived: count } }).exitCode, 1);
  }
});
