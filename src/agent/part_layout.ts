/**
 * How a payload is cut into parts: what remains to be sent when the hub has some of them, and how the parts are
 * summarised.
 */
import type { Part, PartRun } from "../protocol/delivery.ts";

/** A range of the payload, in bytes. */
export interface Range {
  readonly offset: number;
  readonly bytes: number;
}

/** The parts at the hub that fit together, and the gaps between them; both in order. */
export interface Layout {
  readonly present: readonly Part[];
  readonly gaps: readonly Range[];
}

/**
 * Parts keep their ranges even if the part size has changed since. Of overlapping parts (sent with different sizes) the
 * earlier is kept.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const part = { offset: 4, bytes: 2, sha256: "" };
 * assertEquals(layOut(10, [part]).gaps, [{ offset: 0, bytes: 4 }, { offset: 6, bytes: 4 }]);
 * ```
 */
export function layOut(payloadBytes: number, parts: readonly Part[]): Layout {
  const present: Part[] = [];
  const gaps: Range[] = [];
  let offset = 0;
  for (const part of parts.toSorted((a, b) => a.offset - b.offset)) {
    if (part.offset < offset || part.offset + part.bytes > payloadBytes) continue;
    if (part.offset > offset) gaps.push({ offset, bytes: part.offset - offset });
    present.push(part);
    offset = part.offset + part.bytes;
  }
  if (offset < payloadBytes) gaps.push({ offset, bytes: payloadBytes - offset });
  return { present, gaps };
}

/**
 * All parts of a payload, as runs.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const parts = [4, 4, 2].map((bytes) => ({ offset: 0, bytes, sha256: "" }));
 * assertEquals(runsOf(parts), [{ bytes: 4, count: 2 }, { bytes: 2, count: 1 }]);
 * ```
 */
export function runsOf(parts: readonly Part[]): PartRun[] {
  const runs: PartRun[] = [];
  for (const { bytes } of parts) {
    const last = runs.at(-1);
    if (last?.bytes === bytes) last.count++;
    else runs.push({ bytes, count: 1 });
  }
  return runs;
}
