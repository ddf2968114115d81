/**
 * The PIN that the agent has written to its log, for users who may read the log but not talk to the agent: the console
 * window opened by Windows' installer has its user's rights, without "Run as administrator".
 */
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import type { PinOffer } from "../control/status.ts";
import { logFileName } from "../log/log_file.ts";
import { pinLifetimeSeconds } from "../protocol/linking.ts";
import type { Clock } from "../runtime/clock.ts";

/** How long a newly started agent may take to get one, in ms. */
const waitMs = 20_000;
/** How often to look at the log, in ms. */
const lookEveryMs = 500;

/** The latest state of the link according to the log. */
export type LoggedLink =
  | { readonly state: "unknown" }
  | { readonly state: "linked"; readonly text: string }
  | { readonly state: "pin"; readonly pin: string; readonly expiresAtMs: number };

/**
 * Reads it from the log's text.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const line = "2025-03-01T07:05:09.120+00:00 INFO  link: **  4) Enter your pin: 424242 (expires in 5 minutes)\n";
 * assertEquals(lastOfLink(line), { state: "pin", pin: "424242", expiresAtMs: Date.parse("2025-03-01T07:10:09.120Z") });
 * ```
 */
export function lastOfLink(log: string): LoggedLink {
  let last: LoggedLink = { state: "unknown" };
  for (const line of log.split("\n")) {
    const pin = /^(\S+) INFO +link: \*\* +4\) Enter your pin: (\d{6})/.exec(line);
    if (pin?.[1] !== undefined && pin[2] !== undefined) {
      last = { state: "pin", pin: pin[2], expiresAtMs: Date.parse(pin[1]) + pinLifetimeSeconds * 1000 };
    }
    const linked = /^\S+ INFO +link: (Linked to the integration .*)/.exec(line)?.[1];
    if (linked !== undefined) last = { state: "linked", text: linked };
  }
  return last;
}

/** The PIN that the log shows now, or soon; `undefined` if it shows none, or may not be read either. */
export async function waitForLoggedPin(
  config: Config,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<PinOffer | undefined> {
  const deadlineMs = clock.monotonicMs() + waitMs;
  while (clock.monotonicMs() < deadlineMs) {
    const last = await readLoggedLink(config);
    if (last === undefined || last.state === "linked") return undefined;
    if (last.state === "pin" && last.expiresAtMs > clock.now()) {
      const { pin, expiresAtMs } = last;
      return { pin, expiresAt: new Date(expiresAtMs).toISOString(), hubUrl: config.hub.url.origin };
    }
    await clock.sleep(lookEveryMs, signal);
  }
  return undefined;
}

/** Resolves with what the log says about the link once it exists, or with `undefined` when the PIN has expired. */
export async function waitForLoggedLink(
  config: Config,
  { offer, clock, signal }: { offer: PinOffer; clock: Clock; signal: AbortSignal },
): Promise<string | undefined> {
  while (clock.now() < Date.parse(offer.expiresAt)) {
    const last = await readLoggedLink(config);
    if (last?.state === "linked") return last.text;
    await clock.sleep(lookEveryMs, signal);
  }
  return undefined;
}

async function readLoggedLink(config: Config): Promise<LoggedLink | undefined> {
  try {
    return lastOfLink(await Deno.readTextFile(join(config.folder, logFileName)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}
