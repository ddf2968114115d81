/**
 * Refuses what another site makes a browser send (CSRF): a request that changes something must come from the hub's own
 * pages, according to `Sec-Fetch-Site` or else `Origin`. Browsers send at least one of them, and no page can forge
 * them.
 */
import { HubProblem } from "../services.ts";

/** Reason of the {@linkcode HubProblem} `forbidden` for a request sent by another site. */
export const sentFromElsewhere = "sent-from-elsewhere";

/** Throws {@linkcode HubProblem} `forbidden` for a changing request from elsewhere. */
export function checkSameOrigin(request: Request, options: { publicUrl: URL }): void {
  if (request.method === "GET" || request.method === "HEAD" || request.method === "OPTIONS") return;
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  // "none" is the user's own action, e.g. a reload.
  const fromHere = site !== null ? site === "same-origin" || site === "none" : origin !== null &&
    (origin === options.publicUrl.origin || origin === new URL(request.url).origin);
  if (!fromHere) {
    throw new HubProblem(
      "forbidden",
      `This was not sent from the hub's own pages. Open ${options.publicUrl.origin} and try again there.`,
      { reason: sentFromElsewhere },
    );
  }
}
