/** An agent's status in one line, which `systemctl status` shows. */
import type { AgentStatus } from "../control/status.ts";
import { readableTime } from "./table.ts";

/** E.g. `Linked to the integration "ACD" of "Example Ltd". Last import 2025-03-01 07:05:09  calls.csv`. */
export function statusLine(status: AgentStatus): string {
  const { link, lastImport, waiting } = status;
  const parts = [
    link.state === "linked"
      ? `Linked to the integration "${link.integration.name}" of "${link.account.name}"${
        status.paused ? ", paused" : ""
      }`
      : "Not linked: ask for a PIN",
    ...(lastImport === null ? [] : [`last import ${readableTime(lastImport.at)} ${lastImport.name}`]),
    ...(waiting.batches === 0 ? [] : [`${waiting.batches} waiting`]),
    ...[status.hub.problem, status.problem].filter((problem) => problem !== null)
      .map((problem) => `problem: ${problem}`),
  ];
  return parts.join("; ");
}
