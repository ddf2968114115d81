/** `check`: what works and what does not, one line each, with what to do. */
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { ConfigError } from "../config/problems.ts";
import type { CheckLine } from "../control/check_line.ts";
import { connectControl } from "../control/connect_control.ts";
import { escapeControls } from "../log/escape.ts";
import { checkDatabases } from "./database_checks.ts";
import { exitCodes } from "./exit_codes.ts";
import { checkLocal } from "./local_checks.ts";
import { importFolderTrouble } from "./run/own_service.ts";
import { print, printJson } from "./print.ts";
import { stateFolderOf } from "./state_folder.ts";

/** The checks of network and hub, for a command that runs without an agent. */
export type CheckNetwork = (config: Config, signal: AbortSignal) => Promise<readonly CheckLine[]>;

/** The options of the command line; `checkNetwork` is called only if no agent is running to do the check itself. */
export interface CheckOptions {
  readonly configFile: string | undefined;
  readonly json: boolean;
  readonly checkNetwork: CheckNetwork;
}

/** Prints all findings; the exit code is 0 if nothing has failed. */
export async function check(options: CheckOptions, { signal }: { signal: AbortSignal }): Promise<number> {
  const { lines, by } = await findings(options, signal);
  const failed = lines.filter((line) => line.result === "failed").length;
  if (options.json) printJson({ ok: failed === 0, checkedBy: by, checks: lines });
  else for (const line of checkLinesText(lines, { by })) print(line);
  return failed === 0 ? exitCodes.ok : exitCodes.failed;
}

/** Who made the check: only the agent's own rights and environment count in the end. */
type CheckedBy = "agent" | "command";

async function findings(
  { configFile, checkNetwork }: CheckOptions,
  signal: AbortSignal,
): Promise<{ lines: readonly CheckLine[]; by: CheckedBy }> {
  let config: Config;
  try {
    config = loadConfig(configFile);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const remedy = "Correct the file, then check again";
    return { lines: [{ name: "Configuration", result: "failed", detail: error.message, remedy }], by: "command" };
  }
  const agent = await connectControl(stateFolderOf(config));
  const databases = await checkDatabases(config, signal);
  if (agent !== undefined) return { lines: [...await agent.check(signal), ...databases], by: "agent" };
  const local = await checkLocal(config, { importFolderTrouble: await importFolderTrouble(config) });
  const isCaUsable = local.every(({ name, result }) => name !== "CA file" || result !== "failed");
  const notRunning: CheckLine = {
    name: "Agent",
    result: "warning",
    detail:
      `none is running in "${config.folder}": this was checked with the rights and the environment of this command`,
    remedy: "Start it, then check again",
  };
  return {
    lines: [
      notRunning,
      ...local,
      ...isCaUsable ? await checkNetwork(config, signal) : [],
      ...databases,
    ],
    by: "command",
  };
}

const marks = { ok: "ok      ", warning: "WARNING ", failed: "FAILED  " } as const;

/** The findings for people. */
function checkLinesText(lines: readonly CheckLine[], options: { by: CheckedBy }): string[] {
  const width = Math.max(0, ...lines.map((line) => line.name.length));
  const text = lines.flatMap((line) => {
    const indent = " ".repeat(marks.ok.length + width + 2);
    const [first = "", ...more] = line.detail.split("\n");
    return [
      `${marks[line.result]}${line.name.padEnd(width)}  ${escapeControls(first)}`,
      ...more.map((detail) => `${indent}${escapeControls(detail)}`),
      ...(line.remedy === undefined ? [] : [`${indent}→ ${escapeControls(line.remedy)}`]),
    ];
  });
  const failed = lines.filter((line) => line.result === "failed").length;
  const warnings = lines.filter((line) => line.result === "warning").length;
  const by = options.by === "agent" ? "checked by the running agent" : "checked by this command";
  const summary = failed + warnings === 0
    ? "Everything is in order"
    : `${failed} failed, ${warnings} ${warnings === 1 ? "warning" : "warnings"}`;
  return [...text, "", `${summary} (${by}).`];
}
