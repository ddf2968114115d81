/** All the work of one link: follow the assignment, read its source, deliver batches, and report status to the hub. */
import { getLogger } from "@logtape/logtape";
import type { AgentAnswer, AgentRequest, AgentStatusReport, Assignment, Source } from "../protocol/assignment.ts";
import type { Link } from "../protocol/linking.ts";
import type { UnlinkReason } from "../protocol/problem.ts";
import type { Clock } from "../runtime/clock.ts";
import { Assignments, type AssignmentStore } from "./assignments.ts";
import type { AssignmentClient, HubError } from "./ports.ts";
import { type SourceRunner, SourceSwitch } from "./source_switch.ts";
import { reportStatus } from "./status_report.ts";
import { runTogether } from "./tasks.ts";

const log = getLogger(["cloud-link", "agent"]);

const twinProblem =
  "Another computer is using the identity of this installation: the computer or its disk was copied. " +
  "On the copy, stop the service, delete the folder state and start it again: it shows a PIN and can be linked to an " +
  "integration of its own.";

/** The part of the uploader that the link drives. */
export interface Delivery {
  /** Delivers the spool's batches of the current link until aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** The hub answers: pending retries go at once. */
  reachable(options?: { again?: boolean }): void;
  /** The hub no longer answers. */
  away(): void;
  /**
   * How much the hub has received (if less than it acknowledged, the difference is sent again), and what it accepts
   * whole.
   */
  assigned(assignment: Pick<Assignment, "received" | "wholePayloadBytes">): void;
  readonly problem: string | null;
  /** Why something is waiting although nothing is broken. */
  readonly notice: string | null;
}

/** What the work of every link is made of. */
export interface LinkedParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly version: string;
  /** Identifies this process, unique across all runs. */
  readonly run: string;
  readonly assignmentClient: AssignmentClient;
  readonly assignmentStore: AssignmentStore;
  readonly spool: { waiting(): { readonly batches: number; readonly bytes: number } };
  /** Makes the uploader of one link; it calls `onUnlinked` when it learns that the link has ended. */
  readonly makeDelivery: (options: { onUnlinked: (reason: UnlinkReason) => void }) => Delivery;
  readonly makeSource: (source: Source, link: Link) => SourceRunner;
  /** Called with every assignment that is paused. */
  readonly onPaused: (link: Link) => void;
  /** Carries out the hub's request to test a database. */
  readonly testSource: (
    request: Extract<AgentRequest, { type: "test" }>,
    signal: AbortSignal,
  ) => Promise<AgentAnswer>;
}

/** Options of {@linkcode LinkedWork}: also whom it tells what it learns about the link. */
export interface LinkedWorkOptions extends LinkedParts {
  readonly onUnlinked: (reason: UnlinkReason) => void;
  /** The hub has answered. */
  readonly onReachable: () => void;
  /** The hub has renamed the account or the integration. */
  readonly onNamed: (link: Link) => void;
}

/** The loops of one link. */
export class LinkedWork {
  readonly #options: LinkedWorkOptions;
  readonly #assignments: Assignments;
  readonly #delivery: Delivery;
  readonly #source: SourceSwitch;
  /** With the names that the hub gave last: a link is made before its integration has one. */
  #link: Link;
  #paused = false;
  /** What is wrong when another computer uses the same identity. */
  #twin: string | null = null;

  constructor(link: Link, options: LinkedWorkOptions) {
    this.#options = options;
    this.#link = link;
    const { assignmentClient: client, assignmentStore: store, clock, random, onUnlinked } = options;
    this.#source = new SourceSwitch((wanted) => options.makeSource(wanted, this.#link));
    this.#delivery = options.makeDelivery({ onUnlinked });
    this.#assignments = new Assignments({
      client,
      store,
      clock,
      random,
      link,
      onAssignment: (assignment) => this.#take(assignment),
      onUnlinked,
      onReachable: (again) => {
        options.onReachable();
        this.#delivery.reachable({ again });
      },
      onUnreachable: () => this.#delivery.away(),
      carryOut: (request, signal) => this.#carryOut(request, signal),
    });
  }

  /** Runs until aborted; rejects only on a failure that a restart may fix. */
  async run(signal: AbortSignal): Promise<void> {
    const { assignmentClient: client, clock, random } = this.#options;
    await runTogether([
      (inner) => this.#assignments.run(inner),
      (inner) => this.#delivery.run(inner),
      (inner) => this.#source.run(inner),
      (inner) => reportStatus(() => this.#status(), { client, clock, random, signal: inner }),
    ], signal);
  }

  /** The hub has answered: pending retries go now. */
  reachable(): void {
    this.#assignments.reachable();
    this.#delivery.reachable();
  }

  /** Looks for new data at once. */
  importNow(): void {
    this.#source.importNow();
  }

  /** Restarts the source. */
  restartSource(): void {
    this.#source.restart();
  }

  /** Whether the hub has paused the integration. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Why the hub returns no assignment. */
  get hubFailure(): HubError | undefined {
    return this.#assignments.failure;
  }

  /** Why something is waiting although nothing is broken. */
  get notice(): string | null {
    return this.#delivery.notice;
  }

  /** What is broken, apart from the connection to the hub. */
  get problem(): string | null {
    // Without a hub nothing is delivered; that needs no extra words, but a full spool does.
    const delivery = this.hubFailure === undefined ? this.#delivery.problem : null;
    return [this.#twin, delivery, this.#source.problem].filter((problem) => problem !== null).join(" ") || null;
  }

  #take(assignment: Assignment): void {
    const { onPaused, onNamed } = this.#options;
    if (assignment.paused !== this.#paused) {
      log.info(assignment.paused ? "The integration is paused in the hub." : "The integration has been resumed.");
    }
    this.#link = assignment.link;
    this.#paused = assignment.paused;
    this.#tellTwin(assignment.twin ?? false);
    if (assignment.paused) onPaused(assignment.link);
    onNamed(assignment.link);
    this.#source.apply(assignment);
    this.#delivery.assigned(assignment);
  }

  #tellTwin(twin: boolean): void {
    if (twin === (this.#twin !== null)) return;
    this.#twin = twin ? twinProblem : null;
    if (twin) log.error(twinProblem);
    else log.info("Now only this computer is using the identity of this installation.");
  }

  async #carryOut(request: AgentRequest, signal: AbortSignal): Promise<AgentAnswer> {
    switch (request.type) {
      case "import-now":
        this.importNow();
        return { ok: true, message: "Looking for new data now." };
      case "test":
        return await this.#options.testSource(request, signal);
    }
  }

  #status(): AgentStatusReport {
    const { version, run, spool } = this.#options;
    const { batches, bytes } = spool.waiting();
    return { version, waiting: { batches, bytes }, problem: this.problem?.slice(0, 2048) ?? null, run };
  }
}
