/** The running agent's answers through the control channel. */
import type { Agent } from "../../agent/agent.ts";
import type { LinkState, PinOnOffer } from "../../agent/link.ts";
import type { HubError } from "../../agent/ports.ts";
import type { Config } from "../../config/config.ts";
import type { CheckLine } from "../../control/check_line.ts";
import { type ControlHandlers, serveControl } from "../../control/serve_control.ts";
import type { AgentStatus, LinkStatus, PinOffer } from "../../control/status.ts";
import { anySignal } from "../../runtime/any_signal.ts";
import type { Clock } from "../../runtime/clock.ts";
import { version } from "../../runtime/version.ts";
import { untilAborted } from "../../runtime/until_aborted.ts";
import { queryFingerprint } from "../../source/query_approval.ts";
import type { DiskSpool } from "../../spool/disk_spool.ts";
import { integrationKey, integrationNameOf, lastImport as readLastImport } from "../../state/integration.ts";
import { readLink } from "../../state/link_store.ts";
import type { State } from "../../state/state.ts";
import { acceptQuery } from "../../state/window_ledger.ts";
import type { AgentStart } from "./agent_messages.ts";

/** How long to wait for a new PIN, in ms. */
const pinTimeoutMs = 30_000;
/** A PIN valid for less than this is no longer handed out, in ms. */
const pinLeftMsMin = 10_000;

/** The last line of level error or fatal, redacted, as `status` shows it. `at` is RFC 3339 in UTC. */
export interface LastError {
  readonly message: string;
  readonly at: string;
}

/** What the answers are based on. Everything runs in the agent's worker, with its rights and its environment. */
export interface ServedInstallation {
  readonly agent: Agent;
  readonly state: State;
  readonly spool: DiskSpool;
  readonly config: Config;
  readonly start: AgentStart;
  readonly clock: Clock;
  readonly lastError: () => LastError | null;
  readonly check: (signal: AbortSignal) => Promise<readonly CheckLine[]>;
  /** The channel is open. */
  readonly onRunning: (status: () => AgentStatus) => void;
}

/** Serves the channel until aborted. */
export async function serveInstallation(served: ServedInstallation, signal: AbortSignal): Promise<void> {
  const startedAt = new Date(served.clock.now()).toISOString();
  const status = () => statusOf(served, startedAt);
  const handlers: ControlHandlers = {
    status,
    pin: (caller) => offerPin(served, caller),
    check: served.check,
    accept: (fingerprint) => acceptQueryHere(served, fingerprint),
  };
  await using _channel = await serveControl(handlers, { stateFolder: served.state.folder, signal });
  served.onRunning(status);
  await untilAborted(signal);
}

function statusOf({ agent, state, spool, config, start, clock, lastError }: ServedInstallation, startedAt: string) {
  const { link, paused, problem, notice, hubFailure, lastContactAtMs } = agent.snapshot();
  const waiting = spool.waiting();
  const status: AgentStatus = {
    version,
    pid: Deno.pid,
    startedAt,
    name: config.app.name,
    folder: config.folder,
    hub: {
      url: config.hub.url.origin,
      reachable: hubFailure !== undefined ? answers(hubFailure) : lastContactAtMs === undefined ? null : true,
      lastContactAt: instant(lastContactAtMs),
      problem: hubFailure?.message ?? null,
    },
    link: linkStatus(link, clock),
    paused,
    problem,
    notice,
    waiting: { batches: waiting.batches, bytes: waiting.bytes, oldestAt: instant(waiting.oldestAt) },
    waitingForOthers: spool.waitingForOthers(),
    lastImport: lastImport(link, state),
    lastError: lastError(),
    proxy: start.shownProxy ?? null,
  };
  return status;
}

/** Whether the hub itself answered with an error. */
function answers({ kind }: HubError): boolean {
  return kind !== "unreachable" && kind !== "not-a-hub";
}

function linkStatus({ link, offer }: LinkState, clock: Clock): LinkStatus {
  const isGood = offer.state === "shown" && offer.offer.expiresAtMs > clock.monotonicMs();
  const shown = isGood ? { pin: offer.offer.pin, expiresAt: expiryOf(offer.offer, clock) } : undefined;
  if (link === undefined) return shown === undefined ? { state: "unlinked" } : { state: "pin", ...shown };
  return { state: "linked", id: link.id, account: link.account, integration: link.integration, ...shown };
}

function lastImport({ link }: LinkState, { database }: State): AgentStatus["lastImport"] {
  if (link === undefined) return null;
  const key = integrationKey(database, integrationNameOf(link));
  const done = readLastImport(database, key);
  return done === undefined ? null : { name: done.name, at: new Date(done.at).toISOString() };
}

/** Accepts the current assignment's query, which must be the named one, and uses it from now on. */
function acceptQueryHere({ agent, state: { database } }: ServedInstallation, fingerprint: string): void {
  const stored = readLink(database);
  const source = stored?.assignment?.source;
  if (stored === undefined || source?.type !== "database") throw new Error("There is no query to accept.");
  const wanted = queryFingerprint(source);
  if (fingerprint !== wanted) {
    throw new Error(
      `Cannot accept the query ${fingerprint}: the hub's query is ${wanted} now. Read it in the log first.`,
    );
  }
  acceptQuery(database, integrationKey(database, integrationNameOf(stored.link)), fingerprint);
  agent.restartSource();
}

/** The PIN on display, if it is still valid for a while, or a new one. */
async function offerPin({ agent, clock, config }: ServedInstallation, caller: AbortSignal): Promise<PinOffer> {
  const deadline = clock.monotonicMs() + pinTimeoutMs;
  const failedBefore = agent.snapshot().pinFailures.total;
  while (true) {
    const { link: { offer }, hubFailure, pinFailures } = agent.snapshot();
    if (offer.state === "shown" && offer.offer.expiresAtMs - clock.monotonicMs() >= pinLeftMsMin) {
      return {
        pin: offer.offer.pin,
        expiresAt: expiryOf(offer.offer, clock),
        hubUrl: config.hub.url.origin,
      };
    }
    // An earlier failure says nothing about this attempt.
    if (pinFailures.total > failedBefore && pinFailures.latest) {
      throw new Error(`No PIN: ${pinFailures.latest.message}`);
    }
    const leftMs = deadline - clock.monotonicMs();
    if (leftMs <= 0) throw new Error(`No PIN yet: ${hubFailure?.message ?? "the hub does not answer. Try: check"}`);
    agent.wantPin();
    await change(agent, { clock, waitMs: Math.min(leftMs, 1000), caller });
  }
}

/** Resolves at the next change of the link or the PIN, or after `waitMs`. */
async function change(
  agent: Agent,
  { clock, waitMs, caller }: { clock: Clock; waitMs: number; caller: AbortSignal },
): Promise<void> {
  const over = new AbortController();
  using either = anySignal(caller, over.signal);
  const { promise, resolve } = Promise.withResolvers<void>();
  const unwatch = agent.watchLink(resolve);
  try {
    await Promise.race([promise, clock.sleep(waitMs, either.signal)]);
  } finally {
    unwatch();
    over.abort();
  }
}

function expiryOf(offer: PinOnOffer, clock: Clock): string {
  return new Date(clock.now() + offer.expiresAtMs - clock.monotonicMs()).toISOString();
}

function instant(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
