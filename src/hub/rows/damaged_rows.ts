/**
 * A damaged file of rows. All in it can be loaded again from the batches, so a hub that starts discards it; damage found
 * while the hub runs is marked by a file beside it, for the next start.
 */
import { errorText } from "../../runtime/error_text.ts";
import { exists } from "../../runtime/exists.ts";
import { ignoreMissing } from "../../runtime/ignore_missing.ts";
import { isDamage } from "../database/damage.ts";

/** If `error` tells of damage, marks the file and returns one that says what to do; otherwise returns it as it is. */
export function markDamage(file: string, error: unknown): unknown {
  if (!isDamage(error)) return error;
  mark(file);
  return new Error(
    `"${file}" is damaged (${errorText(error)}): check the disk and restart the hub, which then loads everything again`,
    { cause: error },
  );
}

/** Whether damage was found, or {@linkcode discardRows} was interrupted. */
export async function isMarked(file: string): Promise<boolean> {
  return await exists(markerOf(file));
}

/** Removes the file and its log. The mark goes last, so that none is ever used without the other. */
export async function discardRows(file: string): Promise<void> {
  mark(file);
  for (const path of [file, `${file}-wal`, `${file}-shm`, markerOf(file)]) await Deno.remove(path).catch(ignoreMissing);
}

function mark(file: string): void {
  Deno.writeTextFileSync(markerOf(file), "");
}

function markerOf(file: string): string {
  return `${file}-damaged`;
}
