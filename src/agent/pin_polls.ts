/** Asks the hub what has become of a PIN that is shown (RFC 8628, section 3.4). */
import { getLogger } from "@logtape/logtape";
import { type Link, pinLifetimeSeconds } from "../protocol/linking.ts";
import type { Clock } from "../runtime/clock.ts";
import type { LinkEvent, PinOnOffer } from "./link.ts";
import { HubError, type LinkingClient, type PinPoll } from "./ports.ts";
import { sentence } from "../runtime/error_text.ts";

const log = getLogger(["cloud-link", "link"]);

/** The hub does not know the installation any longer. */
type Answer = PinPoll | { readonly state: "forgotten" };

/** What one poll has found: a link, something else that has happened, or neither. */
export interface PinNews {
  readonly link?: Link;
  readonly event?: LinkEvent;
}

/** The polls of one installation. */
export class PinPolls {
  readonly #client: LinkingClient;
  readonly #clock: Clock;
  #forgottenAtMs = -Infinity;

  constructor(options: { client: LinkingClient; clock: Clock }) {
    this.#client = options.client;
    this.#clock = options.clock;
  }

  /**
   * One poll. A PIN is over at its time, whatever the hub answers. Where no answer comes ({@linkcode HubError}), the hub is to
   * be asked beyond that: the PIN may have been entered in time.
   */
  async poll(offer: PinOnOffer, signal: AbortSignal): Promise<PinNews> {
    const answer = await this.#ask(offer, signal);
    if (answer.state === "linked") return { link: answer.link };
    if (answer.state === "denied") return { event: { type: "pin-denied" } };
    if (this.isOver(offer)) return { event: { type: "pin-expired" } };
    return answer.state === "pending" ? {} : { event: eventOf(answer) };
  }

  /** Whether the PIN's time is up. */
  isOver(offer: PinOnOffer): boolean {
    return this.#clock.monotonicMs() >= offer.expiresAtMs;
  }

  /** A hub that does not know this installation is asked for another PIN, but only once within a PIN's time. */
  async #ask(offer: PinOnOffer, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.#client.pollPin(offer.deviceCode, signal);
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      const isUnknown = error.kind === "unknown-installation";
      if (this.isOver(offer) && (isUnknown || error.kind === "refused")) return { state: "expired" };
      const nowMs = this.#clock.monotonicMs();
      if (!isUnknown || nowMs - this.#forgottenAtMs < pinLifetimeSeconds * 1000) throw error;
      this.#forgottenAtMs = nowMs;
      log.warn("The hub does not know this installation and its PIN any longer: {reason} Another PIN is asked for.", {
        reason: sentence(error.message),
      });
      return { state: "forgotten" };
    }
  }
}

function eventOf({ state }: { readonly state: "slow-down" | "expired" | "forgotten" }): LinkEvent {
  switch (state) {
    case "slow-down":
      return { type: "slow-down" };
    case "expired":
      return { type: "pin-expired" };
    case "forgotten":
      return { type: "pin-forgotten" };
  }
}
