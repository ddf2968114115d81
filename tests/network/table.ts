/** The README's table of bad lines: what was wrong with each, and what came of it. */
import { markdownTable } from "../readme/generated_table.ts";
import { sentTwice } from "./over_a_line.ts";
import type { Happened, Phase } from "./scenario.ts";

/** A line, what was sent over it, and what happened. */
export interface Outcome {
  readonly name: string;
  readonly phase: Phase;
  readonly happened: Happened;
}

/** A change in the console is seen within this, in ms. */
const changeMsMax = 10_000;
/** Reports come in at least so often while something waits, in ms. They are sent every minute. */
const reportEveryMsMax = 120_000;
/** No more than this is sent beyond the payload, as a part of it. */
const sentTwiceMax = 0.15;

/** One row a line. */
export function table(outcomes: readonly Outcome[]): string {
  return markdownTable([
    [
      ...["Line", "Files", "MB", "Lost", "Doubled", "Packets lost", "Breaks", "Took"],
      ...["Change seen within", "Reports", "Sent beyond the payload"],
    ],
    ...outcomes.map(({ name, phase, happened }) => [
      name,
      String(phase.files.length),
      (happened.payloadBytes / 1e6).toFixed(1),
      String(phase.files.length - happened.arrived),
      String(happened.doubled),
      String(happened.up.lost + happened.down.lost),
      String(happened.breaks),
      `${Math.round(happened.ms / 1000)} s`,
      `${(slowestChangeMs(happened) / 1000).toFixed(1)} s`,
      String(happened.reports),
      `${(sentTwice(happened) * 100).toFixed(1)} %`,
    ]),
  ]);
}

/** What was not as it should be. Of `short` files a break costs a larger part. */
export function complaints({ name, phase, happened }: Outcome, { short }: { short: boolean }): string[] {
  const { arrived, doubled, changesMs, reports, ms } = happened;
  const lost = phase.files.length - arrived;
  const reportsMin = Math.floor(ms / reportEveryMsMax);
  const found = [
    ...lost > 0 ? [`${lost} files were lost`] : [],
    ...doubled > 0 ? [`${doubled} files were doubled`] : [],
    ...changesMs.length < phase.changes ? [`only ${changesMs.length} changes were seen`] : [],
    ...slowestChangeMs(happened) > changeMsMax ? [`a change was seen after more than ${changeMsMax / 1000} s`] : [],
    ...reports < reportsMin ? [`only ${reports} reports came in, of at least ${reportsMin}`] : [],
    ...!short && sentTwice(happened) >= sentTwiceMax ? [`${sentTwiceMax * 100} % or more beyond the payload`] : [],
  ];
  return found.map((complaint) => `${name}: ${complaint}`);
}

function slowestChangeMs({ changesMs }: Happened): number {
  return Math.max(0, ...changesMs);
}
