/**
 * Keeps the link: shows PINs, waits until one is entered, stores the link, and drops it when the hub says so. All
 * decisions are in `link.ts`.
 */
import { getLogger } from "@logtape/logtape";
import { anySignal } from "../runtime/any_signal.ts";
import type { Clock } from "../runtime/clock.ts";
import { typedCommand } from "../runtime/own_command.ts";
import { unlessAborted } from "../runtime/until_aborted.ts";
import type { Link } from "../protocol/linking.ts";
import type { UnlinkReason } from "../protocol/problem.ts";
import { restMs } from "./early_retry.ts";
import { HubFailures } from "./hub_failures.ts";
import { HubError, type LinkingClient } from "./ports.ts";
import { initialLinkState, type LinkEvent, type LinkState, nextLinkState, type PinOnOffer } from "./link.ts";
import { pinMessage } from "./pin_message.ts";
import { PinPolls } from "./pin_polls.ts";
import { retryDelayMs } from "./retry.ts";
import { strangerRetryMs, StrangerWatch } from "./stranger_watch.ts";

const log = getLogger(["cloud-link", "link"]);

/** The longest step between two tries while a PIN is shown, in ms. */
const shownStepMsMax = 30_000;

/** Where the link is kept over restarts. */
export interface LinkStore {
  load(): Link | undefined;
  /** When it returns, the link is durable. */
  save(link: Link): void;
  /** When it returns, the link is forgotten. */
  end(link: Link, reason: UnlinkReason): void;
}

/** What linking works with. `store` outlives the process: a restart with a link asks for no PIN. */
export interface LinkingOptions {
  readonly client: LinkingClient;
  readonly store: LinkStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly hubUrl: URL;
  /** `[hub] account`: only this account, by id or name. */
  readonly account?: string | undefined;
  /** Called after every change with the states before and after, and after every failure with the same state twice. */
  readonly onChange: (state: LinkState, before: LinkState) => void;
  /** Called when the hub has answered. */
  readonly onReachable: () => void;
}

const unlinkTexts: Record<UnlinkReason, string> = {
  "integration-deleted": "its integration was deleted in the hub",
  "moved": "its integration was connected to another installation",
  "linked-elsewhere": "this installation was connected to another integration",
  "given-up": "this installation gave up the link",
};

/** Runs the link's state machine against the hub. */
export class Linking {
  readonly #options: LinkingOptions;
  readonly #polls: PinPolls;
  #state: LinkState;
  #wake = Promise.withResolvers<void>();
  /**
   * Before this time the hub is not asked again, even if it answers other requests; `undefined` when nothing has
   * failed.
   */
  #notBeforeMs: number | undefined;
  /** Why no PIN can be had right now; `pin` and `status` show it. */
  readonly failures: HubFailures = new HubFailures();

  constructor(options: LinkingOptions) {
    this.#options = options;
    this.#polls = new PinPolls(options);
    this.#state = initialLinkState(options.store.load());
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Asks for a PIN, unless the one on display is still valid. */
  wantPin(): void {
    const { offer } = this.#state;
    if (offer.state === "shown" && this.#polls.isOver(offer.offer)) this.#apply({ type: "pin-expired" });
    this.#apply({ type: "pin-wanted" });
    this.#wake.resolve();
  }

  /** The hub has answered another request: ask early, unless the hub said when to. */
  reachable(): void {
    if (this.#notBeforeMs !== undefined && this.#options.clock.monotonicMs() >= this.#notBeforeMs) this.#wake.resolve();
  }

  /** The hub said that this link has ended. */
  ended(linkId: string, reason: UnlinkReason): void {
    const before = this.#state.link;
    if (before?.id !== linkId) return;
    this.#options.store.end(before, reason);
    log.warn("The link to the integration {integration} of {account} has ended: {why}. {waiting}", {
      integration: before.integration.name,
      account: before.account.name,
      why: unlinkTexts[reason],
      waiting: reason === "integration-deleted"
        ? "What is still waiting here for it can no longer be sent, and is removed after [spool] keepDays."
        : "What is waiting here is kept, and is sent only if the same integration is linked again.",
    });
    this.#apply({ type: "unlinked", linkId, reason });
  }

  /** The hub has renamed the integration or the account. */
  renamed(link: Link): void {
    const { link: known } = this.#state;
    if (known?.id !== link.id || JSON.stringify(known) === JSON.stringify(link)) return;
    this.#options.store.save(link);
    this.#apply({ type: "renamed", link });
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const strangers = new StrangerWatch();
    let failures = 0;
    let hourly = false;
    while (!signal.aborted) {
      const wake = this.#wake = Promise.withResolvers<void>();
      const { offer } = this.#state;
      try {
        if (offer.state === "wanted") await this.#askForPin(signal);
        else if (offer.state === "shown") await this.#awaitConnect(offer.offer, wake.promise, signal);
        else await unlessAborted(wake.promise, signal);
        if (this.failures.end()) log.info("The hub answers again.");
        failures = 0;
        strangers.answered();
        hourly = false;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof HubError)) throw error;
        failures++;
        this.#noteFailure(error);
        const wasHourly = hourly;
        hourly = strangers.failed(error, this.#options.clock.monotonicMs());
        if (hourly && !wasHourly) this.#noteStranger();
        const delayMs = this.#delayAfter(failures, { error, hourly });
        this.#notBeforeMs = this.#options.clock.monotonicMs() + restMs(error, { waitMs: delayMs });
        await this.#sleep(delayMs, wake.promise, signal);
        this.#notBeforeMs = undefined;
      }
    }
  }

  /** While a PIN is on display someone is waiting; its outcome is asked for no later than when it expires. */
  #delayAfter(failures: number, { error, hourly }: { error: HubError; hourly: boolean }): number {
    const { clock, random } = this.#options;
    const { offer } = this.#state;
    const leftMs = offer.state === "shown" ? offer.offer.expiresAtMs - clock.monotonicMs() : 0;
    if (leftMs > 0) return Math.min(leftMs, retryDelayMs(failures, { random, error, stepMsMax: shownStepMsMax }));
    return hourly ? strangerRetryMs : retryDelayMs(failures, { random, error });
  }

  #noteFailure(error: HubError): void {
    if (this.failures.add(error)) {
      log.error("{what}: {reason}", {
        what: this.#state.offer.state === "shown" ? "Cannot ask whether the PIN was entered" : "No PIN yet",
        reason: error.message,
      });
    }
    this.#options.onChange(this.#state, this.#state);
  }

  #noteStranger(): void {
    log.error("{url} is retried every hour; a restart or the command pin retries at once.", {
      url: this.#options.hubUrl.origin,
    });
  }

  async #askForPin(signal: AbortSignal): Promise<void> {
    const { client, clock, hubUrl } = this.#options;
    const answer = await client.requestPin(signal);
    this.#options.onReachable();
    const offer: PinOnOffer = {
      pin: answer.user_code,
      deviceCode: answer.device_code,
      expiresAtMs: clock.monotonicMs() + answer.expires_in * 1000,
      pollEveryMs: answer.interval * 1000,
    };
    this.#apply({ type: "pin-offered", offer });
    const lines = pinMessage({ pin: offer.pin, hubUrl, expiresInSeconds: answer.expires_in });
    for (const line of lines.split("\n")) log.info("{line}", { line });
  }

  /** One poll, after its interval. */
  async #awaitConnect(offer: PinOnOffer, woken: Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const leftMs = offer.expiresAtMs - clock.monotonicMs();
    await this.#sleep(Math.max(0, Math.min(offer.pollEveryMs, leftMs)), woken, signal);
    const { link, event } = await this.#polls.poll(offer, signal);
    this.#options.onReachable();
    if (link !== undefined) return await this.#accept(link, signal);
    if (event === undefined) return;
    this.#apply(event);
    if (this.#state.offer.state === "over") {
      log.warn(
        "The PIN {why}. Restart the agent for a new one, or run: {command}",
        {
          command: typedCommand("pin"),
          why: this.#state.offer.why === "denied" ? "was refused in the hub" : "has expired",
        },
      );
    }
  }

  async #accept(link: Link, signal: AbortSignal): Promise<void> {
    const { account, client, store } = this.#options;
    if (account !== undefined && account !== link.account.id && account !== link.account.name) {
      log.error(
        "Linked to the account {found}, but [hub] account allows only {wanted}: the link is dropped. Enter the PIN in the right account, or change [hub] account.",
        { found: link.account.name, wanted: account },
      );
      await client.giveUp(link, signal);
      this.#apply({ type: "account-refused" });
      return;
    }
    store.save(link);
    log.info("Linked to the integration {integration} of {account}.", {
      integration: link.integration.name || "(not named yet)",
      account: link.account.name,
    });
    this.#apply({ type: "linked", link });
  }

  #apply(event: LinkEvent): void {
    const before = this.#state;
    this.#state = nextLinkState(before, event);
    if (this.#state === before) return;
    this.#options.onChange(this.#state, before);
    this.#wake.resolve();
  }

  /** Sleeps, but no longer than until something wakes the loop. */
  async #sleep(ms: number, woken: Promise<void>, signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    using either = anySignal(signal, ended.signal);
    const slept = this.#options.clock.sleep(ms, either.signal).catch(() => {});
    await Promise.race([slept, woken]);
    ended.abort();
    await slept;
    signal.throwIfAborted();
  }
}
