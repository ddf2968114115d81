/**
 * The agent: joins the loops. The link is kept all the time; everything else belongs to one link and starts anew with
 * the next one.
 *
 * ```
 * linking ──▶ assignments ──▶ source ──▶ spool ──▶ uploader
 * ```
 */
import { getLogger } from "@logtape/logtape";
import type { AgentAnswer, AgentRequest, AgentStatusReport, Assignment, Source } from "../protocol/assignment.ts";
import type { Link } from "../protocol/linking.ts";
import type { UnlinkReason } from "../protocol/problem.ts";
import type { Clock } from "../runtime/clock.ts";
import { Assignments, type AssignmentStore } from "./assignments.ts";
import type { LinkState } from "./link.ts";
import { Linking, type LinkStore } from "./linking.ts";
import { type AssignmentClient, HubError, type LinkingClient } from "./ports.ts";
import { type SourceRunner, SourceSwitch } from "./source_switch.ts";
import { runTogether } from "./tasks.ts";

const log = getLogger(["cloud-link", "agent"]);

/** How often the agent reports to the hub even when nothing changes, in ms. */
export const reportEveryMs = 60_000;
/** How soon a change is reported, in ms. */
export const reportChangesEveryMs = 5_000;

const twinProblem =
  "Another computer works with the identity of this installation: the computer or its disk was copied. " +
  "On the copy, stop the service, delete the folder state and start it again: it shows a PIN and can be linked to an " +
  "integration of its own.";

/** The part of the uploader that the agent drives. */
export interface Delivery {
  /** Delivers the spool's batches of the current link until aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** The hub answers: waiting retries go at once. */
  reachable(options?: { again?: boolean }): void;
  /** What the hub has: when it is less than it has acknowledged, that is sent again; and what it takes whole. */
  assigned(assignment: Pick<Assignment, "received" | "wholePayloadBytes">): void;
  readonly problem: string | null;
  /** Why something waits though all is well. */
  readonly notice: string | null;
}

/** The part of the spool that the agent drives. */
export interface LinkedSpool {
  /** Shows the batches of this link's integration from now on, and declares them with this link. */
  use(link: Link | undefined): Promise<void> | void;
  waiting(): { readonly batches: number; readonly bytes: number };
}

/**
 * Everything that the agent is made of. It opens nothing itself, so a test can put in a clock of its own and a model of
 * the hub.
 */
export interface AgentOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly version: string;
  /** Names this process, among all that there ever were. */
  readonly run: string;
  readonly hubUrl: URL;
  readonly account?: string | undefined;
  readonly linkingClient: LinkingClient;
  readonly assignmentClient: AssignmentClient;
  readonly linkStore: LinkStore;
  readonly assignmentStore: AssignmentStore;
  readonly spool: LinkedSpool;
  /** Makes the uploader of one link; `onUnlinked` is for an end of the link that it comes upon. */
  readonly makeDelivery: (options: { onUnlinked: (reason: UnlinkReason) => void }) => Delivery;
  readonly makeSource: (source: Source, link: Link) => SourceRunner;
  /** Called with every assignment that says paused. */
  readonly onPaused: (link: Link) => void;
  /** Carries out the hub's request to test a database. */
  readonly testSource: (
    request: Extract<AgentRequest, { type: "test" }>,
    signal: AbortSignal,
  ) => Promise<AgentAnswer>;
}

/** What of the agent changes while it runs, for `status`. */
export interface AgentSnapshot {
  readonly link: LinkState;
  readonly paused: boolean;
  /** What does not work besides the way to the hub. */
  readonly problem: string | null;
  /** Why something waits though all is well. */
  readonly notice: string | null;
  readonly hubProblem: string | null;
  readonly lastContactAtMs: number | undefined;
}

/** One installation at work. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #linking: Linking;
  #linkChanged = Promise.withResolvers<void>();
  #linked: LinkedWork | undefined;
  #lastContactAtMs: number | undefined;
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

  /** Runs until aborted; rejects only when something is broken that a restart may mend. */
  async run(signal: AbortSignal): Promise<void> {
    await runTogether([
      (inner) => this.#linking.run(inner),
      (inner) => this.#followLink(inner),
    ], signal);
  }

  /** Shows a PIN: the one on offer, or a new one. */
  wantPin(): void {
    this.#linking.wantPin();
  }

  /** Looks for new data at once. */
  importNow(): void {
    this.#linked?.importNow();
  }

  /** Starts the source anew. */
  restartSource(): void {
    this.#linked?.restartSource();
  }

  /** Calls `wake` at every change of the link or the PIN until the returned function is called. */
  watchLink(wake: () => void): () => void {
    this.#watchers.add(wake);
    return () => this.#watchers.delete(wake);
  }

  snapshot(): AgentSnapshot {
    const work = this.#linked;
    return {
      link: this.#linking.state,
      paused: work?.paused ?? false,
      problem: work?.problem() ?? null,
      notice: work?.notice ?? null,
      hubProblem: work?.assignments.problem ?? this.#linking.problem,
      lastContactAtMs: this.#lastContactAtMs,
    };
  }

  async #followLink(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const changed = this.#linkChanged = Promise.withResolvers<void>();
      const { link } = this.#linking.state;
      await this.#options.spool.use(link);
      const stop = new AbortController();
      const onAbort = () => changed.resolve();
      signal.addEventListener("abort", onAbort, { once: true });
      const working = link === undefined ? Promise.resolve() : this.#work(link, AbortSignal.any([signal, stop.signal]));
      try {
        await Promise.race([changed.promise, working.then(() => changed.promise)]);
      } finally {
        signal.removeEventListener("abort", onAbort);
        stop.abort();
        await working;
        this.#linked = undefined;
      }
    }
  }

  /** All that one link wants done. */
  async #work(link: Link, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const source = new SourceSwitch((wanted) => this.#options.makeSource(wanted, link));
    const delivery = this.#options.makeDelivery({ onUnlinked: (reason) => this.#linking.ended(link.id, reason) });
    const assignments = new Assignments({
      client: this.#options.assignmentClient,
      store: this.#options.assignmentStore,
      clock,
      random,
      link,
      onAssignment: (assignment) => {
        this.#take(assignment, { work, delivery, source });
      },
      onUnlinked: (reason) => this.#linking.ended(link.id, reason),
      onReachable: (again) => {
        this.#lastContactAtMs = clock.now();
        delivery.reachable({ again });
      },
      carryOut: (request, inner) => this.#carryOut(request, { source, signal: inner }),
    });
    const work = new LinkedWork({ assignments, delivery, source });
    this.#linked = work;
    await runTogether([
      (inner) => assignments.run(inner),
      (inner) => delivery.run(inner),
      (inner) => source.run(inner),
      (inner) => this.#report(work, inner),
    ], signal);
  }

  #take(
    assignment: Assignment,
    { work, delivery, source }: { work: LinkedWork; delivery: Delivery; source: SourceSwitch },
  ): void {
    if (assignment.paused !== work.paused) {
      log.info(assignment.paused ? "The integration is paused in the hub." : "The integration goes on.");
    }
    work.paused = assignment.paused;
    this.#tellTwin(assignment.twin ?? false, work);
    if (assignment.paused) this.#options.onPaused(assignment.link);
    this.#linking.renamed(assignment.link);
    source.apply(assignment);
    delivery.assigned(assignment);
  }

  #tellTwin(twin: boolean, work: LinkedWork): void {
    if (twin === (work.twin !== null)) return;
    work.twin = twin ? twinProblem : null;
    if (twin) log.error(twinProblem);
    else log.info("Only this computer uses the identity of this installation again.");
  }

  async #carryOut(
    request: AgentRequest,
    { source, signal }: { source: SourceSwitch; signal: AbortSignal },
  ): Promise<AgentAnswer> {
    switch (request.type) {
      case "import-now":
        source.importNow();
        return { ok: true, message: "Looking for new data now." };
      case "test":
        return await this.#options.testSource(request, signal);
    }
  }

  /** Tells the hub how things are: soon after a change, and once a minute. */
  async #report(work: LinkedWork, signal: AbortSignal): Promise<void> {
    const { clock, assignmentClient, spool, version } = this.#options;
    let reported = "";
    let reportedAtMs = -Infinity;
    while (!signal.aborted) {
      const status: AgentStatusReport = {
        version,
        waiting: { batches: spool.waiting().batches, bytes: spool.waiting().bytes },
        problem: work.problem()?.slice(0, 2048) ?? null,
        run: this.#options.run,
      };
      const text = JSON.stringify(status);
      if (text !== reported || clock.monotonicMs() - reportedAtMs >= reportEveryMs) {
        try {
          await assignmentClient.report(status, signal);
          reported = text;
          reportedAtMs = clock.monotonicMs();
        } catch (error) {
          // The assignment's loop tells of an unreachable hub; this one only tries again.
          if (!(error instanceof HubError)) throw error;
        }
      }
      await clock.sleep(reportChangesEveryMs, signal);
    }
  }
}

/** The loops of one link, as far as `status` looks at them. */
class LinkedWork {
  readonly assignments: Assignments;
  readonly #delivery: Delivery;
  readonly #source: SourceSwitch;
  paused = false;
  /** What is wrong when another computer uses the same identity. */
  twin: string | null = null;

  constructor(parts: { assignments: Assignments; delivery: Delivery; source: SourceSwitch }) {
    this.assignments = parts.assignments;
    this.#delivery = parts.delivery;
    this.#source = parts.source;
  }

  importNow(): void {
    this.#source.importNow();
  }

  restartSource(): void {
    this.#source.restart();
  }

  get notice(): string | null {
    return this.#delivery.notice;
  }

  problem(): string | null {
    // Without a hub nothing is delivered: that needs no words of its own, a full spool does.
    const delivery = this.assignments.problem === null ? this.#delivery.problem : null;
    return [this.twin, delivery, this.#source.problem].filter((problem) => problem !== null).join(" ") || null;
  }
}
