/** Answers the hub's request to test a database: connects, reads the last hour, imports nothing. */
import type { AgentAnswer } from "../protocol/assignment.ts";
import type { DatabaseSource } from "../protocol/database.ts";
import { errorText } from "../runtime/error_text.ts";
import { edgeAtOrAfter, edgeAtOrBefore, isTimeZone } from "../source/time_zone.ts";
import { queryJob } from "./query_job.ts";
import { failureOf, type QueryRunner, type Reach } from "./scheduler_ports.ts";

/** Someone is waiting in front of the page. */
const testTimeoutSeconds = 30;
const hourMs = 3_600_000;
const previewRows = 10;
const messageLength = 4096;

/** Runs the test and reports the result in one line. Rejects with the signal's reason, or an error of this program. */
export async function testSource(
  source: DatabaseSource,
  options: { reach: Reach; runner: QueryRunner; nowMs: number; signal: AbortSignal },
): Promise<AgentAnswer> {
  const { reach, runner, nowMs, signal } = options;
  const { timeZone } = source;
  if (!isTimeZone(timeZone)) {
    return { ok: false, message: `The time zone "${timeZone}" is not known: use a name like Europe/Berlin.` };
  }
  const window = {
    fromMs: edgeAtOrBefore(nowMs - hourMs, { timeZone, minutes: 15 }),
    toMs: edgeAtOrAfter(nowMs, { timeZone, minutes: 15 }),
  };
  try {
    const result = await runner.run(
      queryJob({
        source,
        reach,
        window,
        output: null,
        previewRows,
        timeoutSeconds: testTimeoutSeconds,
        keepConnection: false,
      }),
      { signal },
    );
    const { rows, refused, durationMs, database, remarks } = result;
    const parts = [
      `The query works: ${rows} ${
        rows === 1 ? "row" : "rows"
      } for the last hour, in ${durationMs} ms, from ${database}.`,
      ...refused.rows > 0
        ? [`${refused.rows} of them cannot be imported: ${refused.reasons.slice(0, 3).join("; ")}.`]
        : [],
      ...remarks,
    ];
    return {
      ok: rows === 0 || refused.rows < rows,
      message: parts.join(" ").slice(0, messageLength),
      preview: {
        columns: result.columns.map((name) => name.slice(0, 256)),
        rows: result.preview,
        rowCount: rows,
      },
    };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (failureOf(error) === undefined) throw error;
    return { ok: false, message: errorText(error).slice(0, messageLength) };
  }
}
