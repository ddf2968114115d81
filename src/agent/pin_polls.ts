/** Asks the hub whether a PIN on display has been used (RFC 8628, section 3.4). */
import { getLogger } from "@logtape/logtape";
import { type Link, pinLifetimeSeconds } from "../protocol/linking.ts";
import type { Clock } from "../runtime/clock.ts";
import type { LinkEvent, PinOnOffer } from "./link.ts";
import { HubError, type LinkingClient, type PinPoll } from "./ports.ts";
import { sentence } from "../runtime/error_text.ts";

const log = getLogger(["cloud-link", "link"]);

/** The hub no longer knows the installation. */
type Answer = PinPoll | { readonly state: "forgotten" };

/** The result of one poll: a link, some other event, or neither. */
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
   * One poll. A PIN is over when its time is up, whatever the hub answers. If no answer comes ({@linkcode HubError}),
   * keep asking beyond that: the PIN may have been entered in time.
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

  /** If the hub does not know this installation, asks for another PIN, but only once within a PIN's lifetime. */
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
      log.warn("The hub no longer knows this installation and its PIN: {reason} Requesting another PIN.", {
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
