/** `pin`: shows a PIN and waits until it has been used. */
import { pinMessage } from "../agent/pin_message.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { connectControl, type ControlClient, ControlError } from "../control/connect_control.ts";
import type { LinkStatus, PinOffer } from "../control/status.ts";
import type { Clock } from "../runtime/clock.ts";
import { typedCommand } from "../runtime/own_command.ts";
import { exitCodes } from "./exit_codes.ts";
import { waitForLoggedLink, waitForLoggedPin } from "./logged_pin.ts";
import { noAgentText } from "./no_agent.ts";
import { print, printError, rewriteLine } from "./print.ts";
import { stateFolderOf } from "./state_folder.ts";

/** How often to ask the agent whether the link exists, in ms. */
const pollMs = 1000;
/** How far an agent that has just seen its PIN expire may lag behind, in ms. */
const graceMs = 3000;

/** How it ended. */
export type PinOutcome =
  | { readonly state: "linked"; readonly account: string; readonly integration: string }
  | { readonly state: "expired" }
  /** Another PIN has been requested meanwhile; only the newest counts. */
  | { readonly state: "replaced" }
  /** `reason`: why, and what to do. */
  | { readonly state: "refused"; readonly reason: string };

/** An agent that runs for the duration of the command. Disposing stops it. */
export interface TemporaryAgent extends AsyncDisposable {
  readonly client: ControlClient;
}

/** Starts an agent for an installation in which none is running. */
export type StartAgent = (config: Config, options: { clock: Clock; signal: AbortSignal }) => Promise<TemporaryAgent>;

/**
 * The options of the command line. `startAgent` is called if none is running in the folder: somebody has to wait for
 * the link.
 */
export interface PinOptions {
  readonly configFile: string | undefined;
  /** `false`: only print the PIN. */
  readonly wait: boolean;
  readonly startAgent: StartAgent;
  readonly clock: Clock;
}

/** Shows a PIN of the running agent, or of one started for it. */
export async function pin(options: PinOptions, { signal }: { signal: AbortSignal }): Promise<number> {
  const { wait, clock, startAgent } = options;
  const config = loadConfig(options.configFile);
  let running: ControlClient | undefined;
  try {
    running = await connectControl(stateFolderOf(config));
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    const offer = await waitForLoggedPin(config, { clock, signal });
    if (offer === undefined) throw error;
    return await offerLoggedPin(config, { offer, wait, clock, signal });
  }
  if (running !== undefined) return await offerPin(running, { wait, clock, signal });
  if (!wait) {
    printError(`${noAgentText(config)} Without an agent nobody would wait for the link: leave out --no-wait.`);
    return exitCodes.noAgent;
  }
  await using started = await startAgent(config, { clock, signal });
  return await offerPin(started.client, { wait, clock, signal });
}

async function offerPin(
  agent: ControlClient,
  { wait, clock, signal }: { wait: boolean; clock: Clock; signal: AbortSignal },
): Promise<number> {
  const before = (await agent.status(signal)).link;
  const offer = await agent.pin(signal);
  showPin(offer, clock);
  if (!wait) return exitCodes.ok;
  using _countdown = startCountdown(offer, clock);
  return report(await waitForLink(agent, { offer, before, clock, signal }));
}

/** For users who may not talk to the agent: the PIN that its log already shows. */
async function offerLoggedPin(
  config: Config,
  { offer, wait, clock, signal }: { offer: PinOffer; wait: boolean; clock: Clock; signal: AbortSignal },
): Promise<number> {
  showPin(offer, clock);
  if (!wait) return exitCodes.ok;
  using _countdown = startCountdown(offer, clock);
  const linked = await waitForLoggedLink(config, { offer, clock, signal });
  if (linked === undefined) return report({ state: "expired" });
  if (Deno.stderr.isTerminal()) rewriteLine("");
  print(linked);
  return exitCodes.ok;
}

function showPin(offer: PinOffer, clock: Clock): void {
  const { pin, expiresAt, hubUrl } = offer;
  const expiresInSeconds = (Date.parse(expiresAt) - clock.now()) / 1000;
  print(pinMessage({ pin, hubUrl: new URL(hubUrl), expiresInSeconds }));
}

async function waitForLink(
  agent: ControlClient,
  options: { offer: PinOffer; before: LinkStatus; clock: Clock; signal: AbortSignal },
): Promise<PinOutcome> {
  const { offer, before, clock, signal } = options;
  while (true) {
    const { link, lastError } = await agent.status(signal);
    const outcome = pinOutcome(link, { offer, before, nowMs: clock.now(), lastError: lastError?.message });
    if (outcome !== undefined) return outcome;
    await clock.sleep(pollMs, signal);
  }
}

/** The fate of the offered PIN; `undefined`: still waiting. */
function pinOutcome(
  link: LinkStatus,
  options: { offer: PinOffer; before: LinkStatus; nowMs: number; lastError: string | undefined },
): PinOutcome | undefined {
  const { offer, before, nowMs, lastError } = options;
  const linkBefore = before.state === "linked" ? before.id : undefined;
  if (link.state === "linked" && link.id !== linkBefore) {
    return { state: "linked", account: link.account.name, integration: link.integration.name };
  }
  const shown = link.state === "unlinked" ? undefined : link.pin;
  if (nowMs >= Date.parse(offer.expiresAt) + graceMs) return { state: "expired" };
  if (shown === offer.pin) return undefined;
  if (nowMs >= Date.parse(offer.expiresAt) - graceMs) return { state: "expired" };
  if (shown !== undefined) return { state: "replaced" };
  return { state: "refused", reason: lastError ?? `See the log. ${askForAnother()}` };
}

/** Counts down on a separate line below the message, if there is a terminal. */
function startCountdown(offer: PinOffer, clock: Clock): Disposable {
  if (!Deno.stderr.isTerminal()) return { [Symbol.dispose]() {} };
  const draw = () => rewriteLine(`Waiting for the link: ${remaining(Date.parse(offer.expiresAt) - clock.now())} left`);
  draw();
  const timer = setInterval(draw, 1000);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      rewriteLine("");
    },
  };
}

/**
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals([299_001, 60_000, -5].map(remaining), ["5:00", "1:00", "0:00"]);
 * ```
 */
export function remaining(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.trunc(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function report(outcome: PinOutcome): number {
  if (Deno.stderr.isTerminal()) rewriteLine("");
  switch (outcome.state) {
    case "linked":
      print(`Linked to the integration "${outcome.integration}" of the account "${outcome.account}".`);
      return exitCodes.ok;
    case "expired":
      printError(`The PIN has expired. ${askForAnother()}`);
      return exitCodes.notLinked;
    case "replaced":
      printError("Another PIN has been requested since, and has replaced this one. Use the newest one.");
      return exitCodes.notLinked;
    case "refused":
      printError(`The link was not made: ${outcome.reason}`);
      return exitCodes.notLinked;
  }
}

function askForAnother(): string {
  return `Ask for another one: ${typedCommand("pin")}`;
}
