/** Reports status to the hub: soon after a change, and once a minute. */
import type { AgentStatusReport } from "../protocol/assignment.ts";
import type { Clock } from "../runtime/clock.ts";
import { type AssignmentClient, HubError } from "./ports.ts";
import { retryDelayMs } from "./retry.ts";

/** How often the agent reports to the hub even when nothing changes, in ms. */
const reportEveryMs = 60_000;
/** How soon a change is reported, in ms. */
const reportChangesEveryMs = 5_000;

/** Reports what `status` returns until aborted; then rejects with the signal's reason. */
export async function reportStatus(
  status: () => AgentStatusReport,
  { client, clock, random, signal }: {
    client: Pick<AssignmentClient, "report">;
    clock: Clock;
    random: () => number;
    signal: AbortSignal;
  },
): Promise<void> {
  let reported = "";
  let reportedAtMs = -Infinity;
  let failures = 0;
  while (!signal.aborted) {
    let waitMs = reportChangesEveryMs;
    const report = status();
    const text = JSON.stringify(report);
    if (text !== reported || clock.monotonicMs() - reportedAtMs >= reportEveryMs) {
      try {
        await client.report(report, signal);
        reported = text;
        reportedAtMs = clock.monotonicMs();
        failures = 0;
      } catch (error) {
        // The assignment loop logs an unreachable hub; this one only retries.
        if (!(error instanceof HubError)) throw error;
        waitMs = Math.max(waitMs, retryDelayMs(++failures, { random, error, stepMsMax: reportEveryMs }));
      }
    }
    await clock.sleep(waitMs, signal);
  }
}
