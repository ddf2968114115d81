/** The rehearsal's result: what was there compared with what arrived. Pure. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { DemoFile } from "./demo_data.ts";
import { exitCodes } from "../exit_codes.ts";

/** A file as returned by the hub. */
export interface ArrivedFile {
  readonly name: string;
  /** As counted by the hub. */
  readonly rows: number;
  readonly content: Uint8Array;
}

/** How much was there, and how much of it arrived unchanged. */
export interface Share {
  readonly there: number;
  readonly arrived: number;
}

/** One line for each file that was dropped, and how many arrived byte for byte. */
export function compareFiles(
  dropped: readonly DemoFile[],
  arrived: readonly ArrivedFile[],
): { readonly lines: readonly string[]; readonly files: Share } {
  const lines: string[] = [];
  let intact = 0;
  for (const file of dropped) {
    const found = arrived.find(({ name }) => name === file.name);
    if (found === undefined) {
      lines.push(`${file.name.padEnd(26)} did not arrive`);
      continue;
    }
    const { content, rows } = found;
    const isIntact = Buffer.compare(content, file.bytes) === 0;
    intact += Number(isIntact);
    const sha256 = createHash("sha256").update(content).digest("hex");
    lines.push(
      `${file.name.padEnd(26)} ${String(content.length).padStart(8)} ${String(rows).padStart(6)}  ` +
        `${sha256.slice(0, 16)}… ${isIntact ? "as dropped" : "DIFFERS"}`,
    );
  }
  return { lines, files: { there: dropped.length, arrived: intact } };
}

/** The last line, and the exit code: 0 only if everything arrived, and nothing besides. */
export function conclude({ files, rows }: { files: Share; rows: Share }): { line: string; exitCode: number } {
  return files.arrived === files.there && rows.arrived === rows.there
    ? { line: "Everything arrived.", exitCode: exitCodes.ok }
    : { line: "NOT everything arrived: see above.", exitCode: exitCodes.failed };
}
