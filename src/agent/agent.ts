/**
 * The agent: joins the loops. Linking runs all the time; everything else belongs to one link and is recreated for the
 * next.
 *
 * ```
 * linking ──▶ assignments ──▶ source ──▶ spool ──▶ uploader
 * ```
 */
import { tellEveryMs } from "./early_retry.ts";
import type { Link } from "../protocol/linking.ts";
import type { HubFailures } from "./hub_failures.ts";
import type { LinkState } from "./link.ts";
import { type LinkedParts, LinkedWork } from "./linked_work.ts";
import { Linking, type LinkStore } from "./linking.ts";
import type { HubError, LinkingClient } from "./ports.ts";
import { runTogether, runUntilChanged } from "./tasks.ts";

/** The part of the spool that the agent drives. */
export interface LinkedSpool {
  /** From now on shows the batches of this link's integration, and declares them with this link. */
  use(link: Link | undefined): void;
  waiting(): { readonly batches: number; readonly bytes: number };
}

/**
 * Everything the agent is made of. The agent opens nothing itself, so a test can hand in its own clock and a model of
 * the hub.
 */
export interface AgentOptions extends LinkedParts {
  readonly hubUrl: URL;
  readonly account?: string | undefined;
  readonly linkingClient: LinkingClient;
  readonly linkStore: LinkStore;
  readonly spool: LinkedSpool;
}

/** The parts of the agent's state that `status` shows. */
export interface AgentSnapshot {
  readonly link: LinkState;
  readonly paused: boolean;
  /** What is broken, apart from the connection to the hub. */
  readonly problem: string | null;
  /** Why something is waiting although nothing is broken. */
  readonly notice: string | null;
  /** Why the hub returns no assignment, or no PIN. */
  readonly hubFailure: HubError | undefined;
  /** Why there is no PIN, and how many attempts have failed since the start. */
  readonly pinFailures: Pick<HubFailures, "latest" | "total">;
  readonly lastContactAtMs: number | undefined;
}

/** A running installation. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #linking: Linking;
  #linkChanged = Promise.withResolvers<void>();
  #linked: LinkedWork | undefined;
  #lastContactAtMs: number | undefined;
  #toldAtMs = -Infinity;
  readonly #watchers = new Set<() => void>();

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#linking = new Linking({
      client: options.linkingClient,
      store: options.linkStore,
      clock: options.clock,
      random: options.random,
      hubUrl: options.hubUrl,
      account: options.account,
      onChange: (state, before) => {
        if (state.link?.id !== before.link?.id) this.#linkChanged.resolve();
        for (const wake of this.#watchers) wake();
      },
      onReachable: () => this.#lastContactAtMs = options.clock.now(),
    });
  }

  /** Runs until aborted; rejects only on a failure that a restart may fix. */
  async run(signal: AbortSignal): Promise<void> {
    await runTogether([
      (inner) => this.#linking.run(inner),
      (inner) => this.#followLink(inner),
    ], signal);
  }

  /** Shows a PIN: the current one, or a new one. */
  wantPin(): void {
    this.#linking.wantPin();
  }

  /** The hub has given a proper answer to some request: whatever is backing off after failures may retry now. */
  hubAnswered(): void {
    const { clock } = this.#options;
    this.#lastContactAtMs = clock.now();
    if (clock.monotonicMs() - this.#toldAtMs < tellEveryMs) return;
    this.#toldAtMs = clock.monotonicMs();
    this.#linking.reachable();
    this.#linked?.reachable();
  }

  /** Looks for new data at once. */
  importNow(): void {
    this.#linked?.importNow();
  }

  /** Restarts the source. */
  restartSource(): void {
    this.#linked?.restartSource();
  }

  /**
   * Calls `wake` whenever the link or the PIN changes, or a request for a PIN fails, until the returned function is
   * called.
   */
  watchLink(wake: () => void): () => void {
    this.#watchers.add(wake);
    return () => this.#watchers.delete(wake);
  }

  snapshot(): AgentSnapshot {
    const work = this.#linked;
    return {
      link: this.#linking.state,
      paused: work?.paused ?? false,
      problem: work?.problem ?? null,
      notice: work?.notice ?? null,
      hubFailure: work?.hubFailure ?? this.#linking.failures.latest,
      pinFailures: { latest: this.#linking.failures.latest, total: this.#linking.failures.total },
      lastContactAtMs: this.#lastContactAtMs,
    };
  }

  async #followLink(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const changed = this.#linkChanged = Promise.withResolvers<void>();
      const { link } = this.#linking.state;
      this.#options.spool.use(link);
      await runUntilChanged((inner) => this.#work(link, inner), { changed, signal });
      this.#linked = undefined;
    }
  }

  async #work(link: Link | undefined, signal: AbortSignal): Promise<void> {
    if (link === undefined) return;
    const { clock } = this.#options;
    this.#linked = new LinkedWork(link, {
      ...this.#options,
      onUnlinked: (reason) => this.#linking.ended(link.id, reason),
      onReachable: () => this.#lastContactAtMs = clock.now(),
      onNamed: (named) => this.#linking.renamed(named),
    });
    await this.#linked.run(signal);
  }
}
