/** Keeps the assignment up to date by long polling, and answers the hub's requests. */
import { getLogger } from "@logtape/logtape";
import type { AgentAnswer, AgentRequest, Assignment } from "../protocol/assignment.ts";
import type { Link } from "../protocol/linking.ts";
import type { UnlinkReason } from "../protocol/problem.ts";
import type { Clock } from "../runtime/clock.ts";
import { errorText, sentence } from "../runtime/error_text.ts";
import { typedCommand } from "../runtime/own_command.ts";
import { Waker } from "../runtime/waker.ts";
import { isStateDamaged } from "../runtime/state_damaged.ts";
import { restMs } from "./early_retry.ts";
import { HubFailures } from "./hub_failures.ts";
import { type AssignmentClient, HubError } from "./ports.ts";
import { retryDelayMs } from "./retry.ts";

const log = getLogger(["cloud-link", "assignment"]);

/** How many request ids are remembered, so that no request is carried out twice. */
const requestsRememberedMax = 256;

/**
 * For how long an answer that does not get through is sent again, in ms: a hub stops offering the request after that.
 */
const answerForMs = 10 * 60_000;
/** The longest step between two tries, in ms: someone is waiting in front of the page. */
const answerStepMsMax = 30_000;

/** Minimum interval between polls, in ms, whatever the hub answers. */
const pollsApartMs = 200;

/** Where the last assignment is kept, so that extraction continues while the hub is unreachable. */
export interface AssignmentStore {
  load(): Assignment | undefined;
  save(assignment: Assignment): void;
}

/** What one link's poll needs. It ends with the signal, or with the only call of `onUnlinked`. */
export interface AssignmentsOptions {
  readonly client: AssignmentClient;
  readonly store: AssignmentStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly link: Link;
  readonly onAssignment: (assignment: Assignment) => void;
  readonly onUnlinked: (reason: UnlinkReason) => void;
  /** The hub has answered; `again`: after having been unreachable. */
  readonly onReachable: (again: boolean) => void;
  /** The hub no longer answers. */
  readonly onUnreachable: () => void;
  readonly carryOut: (request: AgentRequest, signal: AbortSignal) => Promise<AgentAnswer>;
}

/** The loop around the long poll. */
export class Assignments {
  readonly #options: AssignmentsOptions;
  readonly #handled = new Set<string>();
  readonly #waker = new Waker();
  /**
   * Before this time the hub is not asked again, even if it answers other requests; `undefined` when nothing has
   * failed.
   */
  #notBeforeMs: number | undefined;
  #requests: Promise<void> = Promise.resolve();
  /** Answers being sent; they do not delay further requests. */
  readonly #answers = new Set<Promise<void>>();
  readonly #failures = new HubFailures();
  /** What the disk has not taken yet. */
  #unkept: Assignment | undefined;

  constructor(options: AssignmentsOptions) {
    this.#options = options;
  }

  /** Why the hub returns no assignment; `undefined` when it does. */
  get failure(): HubError | undefined {
    return this.#failures.latest;
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#poll(signal);
    } finally {
      await this.#requests;
      await Promise.all(this.#answers);
    }
  }

  /** The hub has answered another request: poll early, unless the hub said when to. */
  reachable(): void {
    if (this.#notBeforeMs !== undefined && this.#options.clock.monotonicMs() >= this.#notBeforeMs) this.#waker.wake();
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { client, clock, random, store } = this.#options;
    this.#recall();
    // The first one is answered at once: only the hub knows whether this state is an older copy that was put back.
    let etag: string | undefined;
    let failures = 0;
    while (!signal.aborted) {
      const apart = clock.sleep(pollsApartMs, signal);
      try {
        const [changed] = await Promise.all([client.poll(etag, signal), apart]);
        if (this.#failures.end()) log.info("The hub answers again.");
        this.#options.onReachable(failures > 0);
        failures = 0;
        // Whoever holds the identity may have linked it anew, or the token is one of a link that was given up.
        const isOther = changed !== undefined && changed.assignment.link.id !== this.#options.link.id;
        if (isOther) return this.#options.onUnlinked("linked-elsewhere");
        this.#keep(changed?.assignment ?? this.#unkept);
        if (changed === undefined) continue;
        etag = changed.etag;
        this.#options.onAssignment(changed.assignment);
        this.#enqueue(changed.assignment.requests, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof HubError)) throw error;
        if (error.kind === "unlinked") return this.#options.onUnlinked(error.unlinkReason ?? "moved");
        if (failures++ === 0) this.#options.onUnreachable();
        const failure = withRemedy(error);
        if (this.#failures.add(failure)) {
          log.error("No assignment from the hub: {reason} {meanwhile}", {
            reason: sentence(failure.message),
            meanwhile: store.load() === undefined ? "There is none yet." : "The last one stays in force.",
          });
        }
        const waitMs = retryDelayMs(failures, { random, error });
        this.#notBeforeMs = clock.monotonicMs() + restMs(error, { waitMs });
        await this.#waker.nap(waitMs, { clock, signal });
        this.#notBeforeMs = undefined;
      }
    }
  }

  /** A disk that does not take it does not end the agent: the assignment is in force in any case. */
  #keep(assigned: Assignment | undefined): void {
    if (assigned === undefined) return;
    const failedBefore = this.#unkept !== undefined;
    try {
      this.#options.store.save(assigned);
      this.#unkept = undefined;
    } catch (error) {
      if (isStateDamaged(error)) throw error;
      this.#unkept = assigned;
      if (failedBefore) return;
      log.warn("Cannot store the assignment: {reason} It is in force, and will be stored later.", {
        reason: sentence(errorText(error)),
      });
    }
  }

  /** Restores the stored assignment if it belongs to this link's integration. */
  #recall(): void {
    const kept = this.#options.store.load();
    if (kept?.link.integration.id !== this.#options.link.integration.id) return;
    this.#options.onAssignment({ ...kept, requests: [], twin: false });
  }

  /**
   * Requests are carried out one after the other, in parallel with the poll: a slow query must not delay a changed
   * assignment.
   */
  #enqueue(requests: readonly AgentRequest[], signal: AbortSignal): void {
    for (const request of requests) {
      if (this.#handled.has(request.id)) continue;
      this.#remember(request.id);
      this.#requests = this.#requests.then(() => this.#answer(request, signal));
    }
  }

  async #answer(request: AgentRequest, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      const answer = await this.#options.carryOut(request, signal);
      const sent = this.#send(request, answer, signal).finally(() => this.#answers.delete(sent));
      this.#answers.add(sent);
    } catch (error) {
      if (!signal.aborted) logUnanswered(request, error);
    }
  }

  async #send(request: AgentRequest, answer: AgentAnswer, signal: AbortSignal): Promise<void> {
    const { client, clock, random } = this.#options;
    const untilMs = clock.monotonicMs() + answerForMs;
    for (let failures = 1;; failures++) {
      try {
        return await client.answer(request.id, answer, signal);
      } catch (error) {
        if (signal.aborted) return;
        const isFinal = !(error instanceof HubError) || error.kind === "refused" || error.kind === "unlinked";
        const waitMs = retryDelayMs(failures, { random, error, stepMsMax: answerStepMsMax });
        if (isFinal || clock.monotonicMs() + waitMs > untilMs) {
          // If the hub asks again, the request gets another try.
          if (!isFinal) this.#handled.delete(request.id);
          return logUnanswered(request, error);
        }
        await clock.sleep(waitMs, signal).catch(() => {/* Aborted: the next try says so. */});
      }
    }
  }

  #remember(id: string): void {
    this.#handled.add(id);
    const [oldest] = this.#handled;
    if (this.#handled.size > requestsRememberedMax && oldest !== undefined) this.#handled.delete(oldest);
  }
}

function logUnanswered({ type }: AgentRequest, error: unknown): void {
  const reason = errorText(error);
  log.warn("Cannot answer the hub's request {type}: {reason}", { type, reason });
}

/** A hub that has lost the installation does not restore it by itself. */
function withRemedy(error: HubError): HubError {
  if (error.kind !== "unknown-installation") return error;
  const { kind, message, retryAfterMs } = error;
  return new HubError(
    `${sentence(message)} The hub no longer knows this installation. To link it again, run: ${typedCommand("pin")}`,
    { kind, retryAfterMs, cause: error },
  );
}
