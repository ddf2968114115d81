/** From the arguments to the exit code: parses, passes signals of the system on, and shows what went wrong. */
import { lineBreak, type Message, message } from "@optique/core/message";
import { run as parse } from "@optique/run";
import { ConfigError } from "../config/problems.ts";
import { programName, version } from "../runtime/version.ts";
import { commandLine, withDefaultCommand } from "./command_line.ts";
import { carryOut } from "./commands.ts";
import { exitCodes, exitCodeTexts } from "./exit_codes.ts";
import { print, printError } from "./print.ts";

/** Text is wrapped to this width where the terminal's is not known, in characters. */
const helpWidth = 100;

/** Runs the program; resolves with its exit code. Help, completions and usage errors exit by themselves. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  // Not for people, and started often: it does without the grammar.
  if (args[0] === "extract") return await (await import("../extractor/child.ts")).runExtractor();
  const line = parse(commandLine, {
    args: withDefaultCommand(args),
    programName,
    help: { option: { names: ["--help", "-h"] }, command: true },
    version: { value: version, option: true },
    completion: "command",
    errorExitCode: exitCodes.usage,
    onExit: Deno.exit,
    stdout: print,
    stderr: printError,
    aboveError: "none",
    commandList: "top-level",
    usageLine: [{ type: "ellipsis" }],
    maxWidth: terminalWidth(),
    showChoices: true,
    brief: message`Carries a contact centre's data to injixo.`,
    description: message`Without a command it runs the agent. COMMAND --help explains a command.`,
    footer: exitCodeHelp(),
  });
  const stopping = stopOnSignals();
  try {
    return await carryOut(line, { signal: stopping.signal });
  } catch (error) {
    return report(error, stopping.signal);
  } finally {
    stopping[Symbol.dispose]();
  }
}

function exitCodeHelp(): Message {
  const lines = exitCodeTexts.flatMap(([code, text]) => [
    lineBreak(),
    { type: "text", text: `  ${String(code).padStart(3)}  ${text}` } as const,
  ]);
  return [{ type: "text", text: "Exit codes:" }, ...lines];
}

/** Ctrl-C and the service manager's signal end the command in its own time. */
function stopOnSignals(): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const stop = () => controller.abort(new DOMException("The program was told to stop", "AbortError"));
  // Windows knows no SIGTERM; closing the console window is SIGBREAK's neighbour there.
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
  printError(error instanceof Error ? error.message : String(error));
  if (error instanceof ConfigError) return exitCodes.configuration;
  // By name: its module is loaded only by the commands that talk to an agent.
  if (error instanceof Error && error.name === "ControlError") return exitCodes.noAgent;
  return exitCodes.failed;
}

function terminalWidth(): number {
  try {
    return Math.max(60, Math.min(Deno.consoleSize().columns, 120));
  } catch {
    return helpWidth; // no terminal
  }
}
