/**
 * The owner of a state: the service's name, the installation folder and the machine. A copied or moved folder and a
 * cloned machine are different installations, which must not use the identity (nor send the batches) of the original.
 */
import type { StateDatabase } from "./state_database.ts";

/** All three must match for a state to be used; `machineId` only if both sides know one. */
export interface Owner {
  /** `[app] name`. */
  readonly appName: string;
  /** Real path of the installation folder. */
  readonly folder: string;
  /** `/etc/machine-id` or Windows' MachineGuid; `undefined` if there is none. */
  readonly machineId: string | undefined;
}

/** The recorded owner; `undefined` for a new state. */
export function readOwner(database: StateDatabase): Owner | undefined {
  const row = database.get<{ app_name: string; folder: string; machine_id: string | null }>(
    "SELECT app_name, folder, machine_id FROM owner",
  );
  if (row === undefined) return undefined;
  return { appName: row.app_name, folder: row.folder, machineId: row.machine_id ?? undefined };
}

/**
 * Records the owner of the state. It must be durable on return: the caller commits it before anything else goes into a
 * new state.
 */
export function writeOwner(database: StateDatabase, owner: Owner): void {
  database.transaction(() =>
    database.run(
      "INSERT OR REPLACE INTO owner (one, app_name, folder, machine_id) VALUES (1, ?, ?, ?)",
      owner.appName,
      owner.folder,
      owner.machineId ?? null,
    )
  );
}

/**
 * How two owners differ, for people; `undefined` if they are the same. A machine without an id cannot be told from
 * another.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const owner = { appName: "a", folder: "/opt/a", machineId: "1" };
 * assertEquals(ownerDifference(owner, { ...owner, machineId: undefined }), undefined);
 * assertEquals(ownerDifference(owner, { ...owner, folder: "/opt/b" }), "it belongs to the folder \"/opt/a\"");
 * ```
 */
export function ownerDifference(recorded: Owner, current: Owner): string | undefined {
  if (recorded.folder !== current.folder) return `it belongs to the folder "${recorded.folder}"`;
  if (recorded.appName !== current.appName) return `it belongs to [app] name "${recorded.appName}"`;
  if (
    recorded.machineId !== undefined && current.machineId !== undefined && recorded.machineId !== current.machineId
  ) return "it belongs to another machine";
  return undefined;
}
