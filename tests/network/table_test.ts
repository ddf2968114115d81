import { assertEquals } from "../assert.ts";
import { complaints, type Outcome, table } from "./table.ts";

const traffic = { packets: 0, lost: 0, tcpBytes: 0 };
const well: Outcome = {
  name: "A thin line",
  phase: {
    line: { delayMs: 20, loss: 0, bytesPerSecond: 125_000, queueBytes: 65_536 },
    files: [1_000_000, 500_000],
    changes: 2,
  },
  happened: {
    ...{ arrived: 2, doubled: 0, payloadBytes: 1_500_000, breaks: 3, ms: 600_000, changesMs: [120, 1400], reports: 5 },
    up: { ...traffic, lost: 7, tcpBytes: 1_590_000 },
    down: { ...traffic, lost: 2 },
  },
};

Deno.test("table of lines says what was wrong with each and what came of it", () => {
  assertEquals(table([well]).split("\n").filter((_, line) => line !== 1).map(cells), [
    [
      ...["Line", "Files", "MB", "Lost", "Doubled", "Packets lost", "Breaks", "Took"],
      ...["Change seen within", "Reports", "Sent beyond the payload"],
    ],
    ["A thin line", "2", "1.5", "0", "0", "9", "3", "600 s", "1.4 s", "5", "6.0 %"],
  ]);
});

Deno.test("files lost or doubled, changes and reports held up, and too much sent twice are complained of", () => {
  const but = (happened: Partial<Outcome["happened"]>, short = false) =>
    complaints({ ...well, happened: { ...well.happened, ...happened } }, { short });
  assertEquals(but({}), []);
  assertEquals(but({ arrived: 1 }), ["A thin line: 1 files were lost"]);
  assertEquals(but({ doubled: 1 }), ["A thin line: 1 files were doubled"]);
  assertEquals(but({ changesMs: [120] }), ["A thin line: only 1 changes were seen"]);
  assertEquals(but({ changesMs: [120, 10_001] }), ["A thin line: a change was seen after more than 10 s"]);
  assertEquals(but({ reports: 4 }), ["A thin line: only 4 reports came in, of at least 5"]);
  const twice = { up: { ...traffic, tcpBytes: 1_800_000 } };
  assertEquals(but(twice), ["A thin line: 15 % or more beyond the payload"]);
  assertEquals(but(twice, true), []);
});

function cells(line: string): string[] {
  return line.split("|").slice(1, -1).map((cell) => cell.trim());
}
