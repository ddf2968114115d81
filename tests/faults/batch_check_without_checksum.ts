/** The hub's check of a batch with its checksums switched off, for the negative control of the faults. */
import type { checkPayload as real } from "../../src/hub/delivery/batch_check.ts";

export * from "../../src/hub/delivery/batch_check.ts";

/** Takes whatever comes. */
export const checkPayload: typeof real = async (payload) => {
  for await (const _ of payload);
  return { ok: true, lines: 1 };
};
