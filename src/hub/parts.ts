/** Lists of parts: pure. */
import { CompletionRequest, type Part } from "../protocol/delivery.ts";
import { HubProblem } from "./services.ts";

/** Throws {@linkcode HubProblem} unless the parts are the whole payload in order, without gap or overlap. */
export function checkConsecutive(parts: readonly Part[], payloadBytes: number): void {
  let end = 0;
  for (const { offset, bytes } of parts) {
    if (offset !== end) {
      throw new HubProblem(
        "invalid-request",
        `The parts do not join: one ends at ${end}, the next begins at ${offset}.`,
      );
    }
    end += bytes;
  }
  if (end !== payloadBytes) {
    throw new HubProblem(
      "invalid-request",
      `The parts have ${end} bytes, the payload was declared with ${payloadBytes}.`,
    );
  }
}

/** The only part of a small batch. */
export function singlePart(row: { readonly payloadBytes: number; readonly payloadSha256: string }): Part {
  return { offset: 0, bytes: row.payloadBytes, sha256: row.payloadSha256 };
}

/** The parts as they were stored. */
export function storedParts(json: string): readonly Part[] {
  return CompletionRequest.shape.parts.parse(JSON.parse(json));
}
