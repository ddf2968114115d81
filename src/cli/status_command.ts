/** `status`: what the running agent is doing, and what to do if none is running. */
import { loadReadableConfig } from "../config/load.ts";
import { connectControl } from "../control/connect_control.ts";
import type { AgentStatus, LinkStatus } from "../control/status.ts";
import { typedCommand } from "../runtime/own_command.ts";
import { exitCodes } from "./exit_codes.ts";
import { print, printError, printJson } from "./print.ts";
import { noAgentText } from "./no_agent.ts";
import { type StoredStatus, storedStatus } from "./stored_status.ts";
import { stateFolderOf } from "./state_folder.ts";
import { aligned, readableBytes, readableTime } from "./table.ts";

/** The options of the command line; `json` is for scripts, which get `running: false` if no agent is running. */
export interface StatusOptions {
  readonly configFile: string | undefined;
  readonly json: boolean;
}

/** Prints the status of the agent in the installation folder. */
export async function status(options: StatusOptions, { signal }: { signal: AbortSignal }): Promise<number> {
  const loaded = loadReadableConfig(options.configFile);
  const { config } = loaded;
  const agent = await connectControl(stateFolderOf(config));
  if (agent === undefined && "error" in loaded) throw loaded.error;
  if (agent === undefined) {
    const stored = await storedStatus(config);
    if (options.json) printJson({ running: false, name: config.app.name, folder: config.folder, stored });
    else for (const line of [noAgentText(config), "", ...storedLines(stored)]) print(line);
    return exitCodes.noAgent;
  }
  const found = await agent.status(signal);
  if (options.json) printJson({ running: true, ...found });
  else for (const line of statusLines(found)) print(line);
  if ("error" in loaded) {
    printError(
      `${loaded.error.message}\nThe agent runs with what it read at its start. Correct the file before the next.`,
    );
  }
  return exitCodes.ok;
}

function storedLines(stored: StoredStatus | { readonly problem: string }): string[] {
  if ("problem" in stored) return [`Its last status cannot be read: ${stored.problem}`];
  return ["Its last status:", ...aligned([...linkRows(stored.link), ...dataRows(stored)])];
}

/** What is waiting, and what was imported. */
function dataRows({ waiting, lastImport }: Pick<AgentStatus, "waiting" | "lastImport">): (readonly [string, string])[] {
  const { batches, bytes, oldestAt } = waiting;
  const oldest = oldestAt === null ? "" : `, the oldest since ${readableTime(oldestAt)}`;
  return [
    ["Waiting", batches === 0 ? "nothing to be sent" : `${batches} to be sent (${readableBytes(bytes)})${oldest}`],
    ["Last import", lastImport === null ? "none yet" : `${readableTime(lastImport.at)}  ${lastImport.name}`],
  ];
}

/** The status for people. */
export function statusLines(status: AgentStatus): string[] {
  const { hub, waitingForOthers, lastError } = status;
  return aligned([
    [
      "Agent",
      `injixo Cloud Link ${status.version}, running since ${readableTime(status.startedAt)} (pid ${status.pid})`,
    ],
    ["Name", status.name],
    ["Folder", status.folder],
    ["Hub", `${hub.url}, ${contact(hub)}`],
    ...(hub.problem === null ? [] : [["", hub.problem] as const]),
    ["Proxy", status.proxy ?? "none"],
    ...linkRows(status.link),
    ...(status.paused ? [["Paused", "in the hub. It continues when the integration is resumed there"] as const] : []),
    ...(status.problem === null ? [] : [["Problem", status.problem] as const]),
    ...(status.notice === null ? [] : [["Note", status.notice] as const]),
    ...dataRows(status),
    ...(waitingForOthers.batches === 0 ? [] : [
      [
        "Kept",
        `${waitingForOthers.batches} (${
          readableBytes(waitingForOthers.bytes)
        }) are waiting for integrations that this ` +
        "installation was linked to before: link it to them again, and they are sent",
      ] as const,
    ]),
    ["Last error", lastError === null ? "none since the start" : `${readableTime(lastError.at)}  ${lastError.message}`],
  ]);
}

/** The agent knows of no contact before its start: only what it has seen since is said. */
function contact({ reachable, problem, lastContactAt }: AgentStatus["hub"]): string {
  const last = lastContactAt === null ? undefined : readableTime(lastContactAt);
  if (problem === null) {
    return last === undefined ? "has not answered yet since the start" : `reachable, last answer ${last}`;
  }
  const state = reachable ? "ANSWERS WITH AN ERROR" : "NOT REACHABLE";
  return last === undefined ? `${state} since the start` : `${state}, last good answer ${last}`;
}

function linkRows(link: LinkStatus): (readonly [string, string])[] {
  switch (link.state) {
    case "unlinked":
      return [["Link", `not linked. Ask for a PIN: ${typedCommand("pin")}`]];
    case "pin":
      return [["Link", `not linked. PIN ${link.pin}, valid until ${readableTime(link.expiresAt)}`]];
    case "linked": {
      const rows: (readonly [string, string])[] = [
        ["Link", `integration "${link.integration.name}", account "${link.account.name}"`],
      ];
      if (link.pin !== undefined && link.expiresAt !== undefined) {
        rows.push(["PIN", `${link.pin}, valid until ${readableTime(link.expiresAt)}, to link another integration`]);
      }
      return rows;
    }
  }
}
