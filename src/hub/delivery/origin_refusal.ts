/** Refuses batches whose rows could never be loaded. */
import type { BatchOrigin } from "../../protocol/delivery.ts";
import { windowProblem } from "../rows/window_problem.ts";
import { HubProblem } from "../services.ts";

/** The refusal for such a batch; `undefined` for any other. */
export function originRefusal(origin: BatchOrigin): HubProblem | undefined {
  if (origin.kind !== "query") return undefined;
  const { window: { from, to }, timeZone } = origin;
  const problem = windowProblem({ window: { fromMs: Date.parse(from), toMs: Date.parse(to) }, timeZone });
  return problem === undefined ? undefined : new HubProblem("invalid-request", `${problem}. Nothing was stored.`);
}
