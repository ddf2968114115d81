/** The status of a unit, according to systemd and its journal. */
import type { InstalledState } from "./service_manager.ts";
import { tryTool } from "./tool.ts";
import { show } from "./units.ts";

/** How many lines of the journal to show after a failed start. */
const shownLines = 10;

const states: Readonly<Record<string, InstalledState["state"]>> = {
  active: "running",
  inactive: "stopped",
  failed: "failed",
};

/** The state of the unit. */
export async function installedState(unit: string): Promise<Omit<InstalledState, "place">> {
  const shown = await show(unit, [
    "ActiveState",
    "SubState",
    "StateChangeTimestamp",
    "UnitFileState",
    "User",
    "StatusText",
    "NRestarts",
    "Result",
    "ExecMainStatus",
  ]);
  const { ActiveState = "unknown", SubState, StateChangeTimestamp, UnitFileState, User, StatusText, NRestarts } = shown;
  const failed = shown.Result !== "success";
  return {
    state: states[ActiveState] ?? "changing",
    reason: failed ? await lastWords(unit) || `${shown.Result}, status ${shown.ExecMainStatus}` : undefined,
    description: `${ActiveState} (${SubState})`,
    since: timestamp(StateChangeTimestamp ?? ""),
    automatic: UnitFileState === "enabled",
    user: User || "root",
    said: StatusText || undefined,
    restarts: NRestarts === undefined ? undefined : Number(NRestarts),
  };
}

/**
 * A time in systemd's output to tools, which run with `TZ=UTC`: many systems do not have `--timestamp=unix` yet.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(timestamp("Mon 2026-11-30 16:29:33 UTC"), "2026-11-30T16:29:33.000Z");
 * assertEquals(timestamp(""), undefined);
 * ```
 */
export function timestamp(text: string): string | undefined {
  const [, day, time] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/.exec(text) ?? [];
  return day === undefined ? undefined : `${day}T${time}.000Z`;
}

/** What the last run of the service wrote to standard error; if nothing, what systemd wrote about it. */
export async function lastWords(unit: string): Promise<string> {
  const { InvocationID } = await show(unit, ["InvocationID"]);
  if (!InvocationID) return "";
  const args = ["--output=cat", "--quiet", "--no-pager", `--lines=${shownLines}`];
  for (const field of ["_SYSTEMD_INVOCATION_ID", "INVOCATION_ID"]) {
    const said = (await tryTool("journalctl", [...args, `${field}=${InvocationID}`]))?.out.trim();
    if (said) return said;
  }
  return "";
}
