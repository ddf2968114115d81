/** Lists of parts: pure. */
import { AllParts, type Part, type PartRun, partsPerBatchMax } from "../../protocol/delivery.ts";
import { HubProblem } from "../services.ts";

/** Throws {@linkcode HubProblem} unless the parts are the whole payload in order, without gap or overlap. */
export function checkConsecutive(parts: readonly Part[], payloadBytes: number): void {
  let end = 0;
  for (const { offset, bytes } of parts) {
    if (offset !== end) {
      throw new HubProblem(
        "invalid-request",
        `The parts do not fit together: one ends at ${end}, the next begins at ${offset}.`,
      );
    }
    end += bytes;
  }
  if (end !== payloadBytes) {
    throw new HubProblem(
      "invalid-request",
      `The parts have ${end} bytes, but the payload was declared with ${payloadBytes}.`,
    );
  }
}

/**
 * The parts that the runs stand for, out of those that have arrived. Throws {@linkcode HubProblem} when one is missing,
 * or there are more than a batch may have.
 */
export function partsOfRuns(runs: readonly PartRun[], arrived: readonly Part[]): readonly Part[] {
  if (runs.reduce((sum, { count }) => sum + count, 0) > partsPerBatchMax) {
    throw new HubProblem("invalid-request", `A batch may have at most ${partsPerBatchMax} parts.`);
  }
  const byRange = new Map(arrived.map((part) => [`${part.offset}-${part.bytes}`, part]));
  const parts: Part[] = [];
  let offset = 0;
  for (const { bytes, count } of runs) {
    for (let left = count; left > 0; left--) {
      const part = byRange.get(`${offset}-${bytes}`);
      if (part === undefined) throw new HubProblem("part-missing", partMissing);
      parts.push(part);
      offset += bytes;
    }
  }
  return parts;
}

/** What an agent that completes too early is told. */
export const partMissing = "Some parts are missing. Declare the batch again and send them.";

/** The only part of a small batch. */
export function singlePart(row: { readonly payloadBytes: number; readonly payloadSha256: string }): Part {
  return { offset: 0, bytes: row.payloadBytes, sha256: row.payloadSha256 };
}

/** The parts as they were stored. */
export function storedParts(json: string): readonly Part[] {
  return AllParts.parse(JSON.parse(json));
}
