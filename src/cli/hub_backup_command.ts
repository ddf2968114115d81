/** The command `hub backup`: a copy of the hub's data folder, whether or not the hub is running. */
import { backUp } from "../hub/objects/backup.ts";
import { exitCodes } from "./exit_codes.ts";
import { defaultDataDirectory, type Out } from "./hub_command.ts";

/** Prints what was copied; the exit code is 1 if something that belongs to an import was missing. */
export async function hubBackup(
  options: { target: string; dataDirectory?: string | undefined; json?: boolean | undefined },
  { out }: { out: Out },
): Promise<number> {
  const { target, dataDirectory = defaultDataDirectory } = options;
  const { imports, damaged } = await backUp(dataDirectory, target);
  if (options.json === true) out(JSON.stringify({ folder: target, imports, damaged }));
  else {
    out(`Backed up ${imports} imports to "${target}". To restore it, start the hub on a copy of it: --data DIR`);
    if (damaged.length > 0) {
      out(
        `Of ${damaged.length} imports, something is missing on the hub's disk; the first is the import ${damaged[0]}.`,
      );
    }
  }
  return damaged.length > 0 ? exitCodes.failed : exitCodes.ok;
}
