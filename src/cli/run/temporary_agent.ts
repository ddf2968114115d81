/**
 * An agent for the duration of one command: `pin` without a running service. It is the ordinary `run` in a child
 * process, so that linking has one implementation, and the link made here also holds for the service.
 */
import { dirname } from "node:path";
import type { Config } from "../../config/config.ts";
import { connectControl, type ControlClient } from "../../control/connect_control.ts";
import type { Clock } from "../../runtime/clock.ts";
import { exists } from "../../runtime/exists.ts";
import { typedCommand } from "../../runtime/own_command.ts";
import { endProgram, ownProgram } from "../own_program.ts";
import { refuseRootBesideService } from "./own_service.ts";
import type { TemporaryAgent } from "../pin_command.ts";
import { stateFolderOf } from "../state_folder.ts";

/** How soon the agent must answer, in ms. */
const startTimeoutMs = 20_000;
/** How often to try whether it answers, in ms. */
const tryEveryMs = 50;
/** How much of its standard error is repeated, in characters. */
const errorCharactersMax = 2000;

/**
 * Starts an agent and waits until it answers.
 *
 * @throws if the state belongs to another user, or if the agent ends at once; then with its output
 */
export async function startTemporaryAgent(
  config: Config,
  options: { clock: Clock; signal: AbortSignal },
): Promise<TemporaryAgent> {
  await refuseRootBesideService(config);
  await refuseForeignState(config);
  const configFile = await exists(config.file) ? ["--config", config.file] : [];
  const child = ownProgram(["run", ...configFile], {
    cwd: dirname(config.file),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  const stop = async () => {
    await endProgram(child);
    await said;
  };
  try {
    return { client: await untilItAnswers(config, { child, said, ...options }), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The service, whose user is another one, could not use files that this user would create there. */
async function refuseForeignState(config: Config): Promise<void> {
  const folder = stateFolderOf(config);
  const uid = Deno.build.os === "windows" ? null : Deno.uid();
  let owner: number | null;
  try {
    owner = (await Deno.stat(folder)).uid;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (owner === null || owner === uid) return;
  throw new Error(
    `Cannot start a temporary agent for linking: "${folder}" belongs to another user. ` +
      `Start the service, then ask for the PIN: ${typedCommand("service start")}`,
  );
}

async function untilItAnswers(
  config: Config,
  options: { child: Deno.ChildProcess; said: Promise<string>; clock: Clock; signal: AbortSignal },
): Promise<ControlClient> {
  const { child, said, clock, signal } = options;
  let ended = false;
  child.status.finally(() => ended = true);
  const deadlineMs = clock.monotonicMs() + startTimeoutMs;
  while (clock.monotonicMs() < deadlineMs) {
    const client = await connectControl(stateFolderOf(config));
    if (client !== undefined) return client;
    if (ended) {
      throw new Error(`Cannot start the agent: ${(await said).trim().slice(-errorCharactersMax) || "see its log"}`);
    }
    await clock.sleep(tryEveryMs, signal);
  }
  throw new Error(`Cannot start the agent: it did not answer within ${startTimeoutMs / 1000} s. See its log`);
}
