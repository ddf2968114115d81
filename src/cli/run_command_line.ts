/** From the arguments to the exit code: has them parsed, passes on the system's signals, and shows errors. */
import { ConfigError } from "../config/problems.ts";
import type { CommandLine } from "./command_line.ts";
import { carryOut } from "./commands.ts";
import { exitCodes } from "./exit_codes.ts";
import { ExitError } from "./exit_error.ts";
import { printError } from "./print.ts";
import { errorText } from "../runtime/error_text.ts";

/** Runs the program; resolves with its exit code. Help, completions and usage errors exit by themselves. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  // Not for people, and started often: it does without the grammar.
  if (args[0] === "extract") return await (await import("../extractor/child.ts")).runExtractor();
  const line = agentCommandLine(args) ?? (await import("./parse_command_line.ts")).parseCommandLine(args);
  const stopping = stopOnSignals();
  try {
    return await carryOut(line, { signal: stopping.signal });
  } catch (error) {
    return report(error, stopping.signal);
  } finally {
    stopping[Symbol.dispose]();
  }
}

/**
 * The command lines with which services run the agent, recognised without the grammar: a process that runs for months
 * should not keep that in memory. `undefined` for any other.
 */
function agentCommandLine(args: readonly string[]): CommandLine | undefined {
  const [command, option, file, ...rest] = args;
  const line = { command: "run", configFile: undefined, logFormat: undefined, service: undefined } as const;
  if (command !== "run" || rest.length > 0) return undefined;
  if (option === undefined) return line;
  return option === "--config" && file !== undefined && !file.startsWith("-")
    ? { ...line, configFile: file }
    : undefined;
}

/** Ctrl-C and the service manager's signal end the command in its own time. */
function stopOnSignals(): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const stop = () => controller.abort(new DOMException("The program was told to stop", "AbortError"));
  // Windows has no SIGTERM; Ctrl-Break raises SIGBREAK there.
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM"];
  for (const name of signals) Deno.addSignalListener(name, stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of signals) Deno.removeSignalListener(name, stop);
    },
  };
}

function report(error: unknown, signal: AbortSignal): number {
  if (signal.aborted) return exitCodes.interrupted;
  printError(errorText(error));
  if (error instanceof ExitError) return error.exitCode;
  if (error instanceof ConfigError) return exitCodes.configuration;
  // By name: its module is loaded only by the commands that talk to an agent.
  if (error instanceof Error && error.name === "ControlError") return exitCodes.noAgent;
  return exitCodes.failed;
}
