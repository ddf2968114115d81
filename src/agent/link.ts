/**
 * The state of the link between this installation and an integration: one pure switch, which performs nothing.
 * `linking.ts` acts on what it says.
 *
 * The state has two independent sides: the link, and a PIN on offer. A linked installation can show a PIN too; entering
 * it in another integration moves the installation there.
 */
import type { UnlinkReason } from "../protocol/problem.ts";
import type { Link } from "../protocol/linking.ts";

/** A PIN issued by the hub. Times are on the monotonic clock, in ms. */
export interface PinOnOffer {
  readonly pin: string;
  readonly deviceCode: string;
  readonly expiresAtMs: number;
  readonly pollEveryMs: number;
}

/** The PIN's side of the state, independent of whether there is a link. */
export type Offer =
  /** No PIN is wanted. */
  | { readonly state: "none" }
  /** A PIN is wanted and being asked for. */
  | { readonly state: "wanted" }
  | { readonly state: "shown"; readonly offer: PinOnOffer }
  /** The last PIN expired unused, or was rejected in the hub; a restart or the command `pin` asks for another. */
  | { readonly state: "over"; readonly why: "expired" | "denied" | "refused-account" };

/** Both sides. `link` is `undefined` while the installation is not linked. */
export interface LinkState {
  readonly link: Link | undefined;
  readonly offer: Offer;
}

/** What can happen: from the hub (RFC 8628, section 3.5, for the answers to a poll), or from the command `pin`. */
export type LinkEvent =
  | { readonly type: "pin-wanted" }
  | { readonly type: "pin-offered"; readonly offer: PinOnOffer }
  | { readonly type: "slow-down" }
  | { readonly type: "pin-expired" }
  | { readonly type: "pin-denied" }
  /** The hub no longer knows the PIN, nor the installation it was issued to. */
  | { readonly type: "pin-forgotten" }
  | { readonly type: "account-refused" }
  | { readonly type: "linked"; readonly link: Link }
  | { readonly type: "renamed"; readonly link: Link }
  | { readonly type: "unlinked"; readonly linkId: string; readonly reason: UnlinkReason };

/** RFC 8628, section 3.5: by how much `slow_down` lengthens the interval, in ms. */
const slowDownMs = 5000;

/**
 * The initial state: an installation without a link wants a PIN.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(initialLinkState(undefined).offer.state, "wanted");
 * ```
 */
export function initialLinkState(link: Link | undefined): LinkState {
  return { link, offer: { state: link ? "none" : "wanted" } };
}

/** The next state. An event that no longer fits (a late answer) changes nothing: the same object is returned. */
export function nextLinkState(state: LinkState, event: LinkEvent): LinkState {
  const { offer } = state;
  switch (event.type) {
    case "pin-wanted":
      return offer.state === "shown" || offer.state === "wanted" ? state : { ...state, offer: { state: "wanted" } };
    case "pin-offered":
      return offer.state === "wanted" ? { ...state, offer: { state: "shown", offer: event.offer } } : state;
    case "slow-down":
      return offer.state === "shown" ? { ...state, offer: { state: "shown", offer: slower(offer.offer) } } : state;
    case "pin-expired":
      return offer.state === "shown" ? { ...state, offer: { state: "over", why: "expired" } } : state;
    case "pin-denied":
      return offer.state === "shown" ? { ...state, offer: { state: "over", why: "denied" } } : state;
    case "pin-forgotten":
      return offer.state === "shown" ? { ...state, offer: { state: "wanted" } } : state;
    case "account-refused":
      return { ...state, offer: { state: "over", why: "refused-account" } };
    case "linked":
      return { link: event.link, offer: { state: "none" } };
    case "renamed":
      return state.link?.id === event.link.id ? { ...state, link: event.link } : state;
    case "unlinked":
      return state.link?.id === event.linkId ? afterUnlinking(offer) : state;
  }
}

function slower(offer: PinOnOffer): PinOnOffer {
  return { ...offer, pollEveryMs: offer.pollEveryMs + slowDownMs };
}

/** A PIN on display stays valid: the manual has users copy it before they delete the old integration. */
function afterUnlinking(offer: Offer): LinkState {
  return { link: undefined, offer: offer.state === "shown" ? offer : { state: "wanted" } };
}
