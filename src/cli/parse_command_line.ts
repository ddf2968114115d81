/**
 * Parses the arguments by the grammar, and handles help, completions and usage errors. A separate module because the
 * grammar takes 60 ms and 10 MB, which services and frequently started commands do without.
 */
import { lineBreak, type Message, message } from "@optique/core/message";
import { run as parse } from "@optique/run";
import { programName, version } from "../runtime/version.ts";
import { type CommandLine, commandLine, withDefaultCommand } from "./command_line.ts";
import { exitCodes, exitCodeTexts } from "./exit_codes.ts";
import { print, printError } from "./print.ts";

/** Text is wrapped to this width if the terminal's is unknown, in characters. */
const helpWidth = 100;

/** The parsed command line. Help, completions and usage errors end the program. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  return parse(commandLine, {
    args: withDefaultCommand(args),
    programName,
    help: { option: { names: ["--help", "-h"] }, command: true },
    version: { value: version, option: true },
    completion: "command",
    errorExitCode: exitCodes.usage,
    onExit: Deno.exit,
    stdout: (text) => print(completingAsTyped(text)),
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
}

/** bash's completions ask the program as it was typed: `./injixo-cloud-link` need not be in the PATH. */
function completingAsTyped(script: string): string {
  return script.replace(`< <(${programName} 'completion' 'bash'`, `< <("\${COMP_WORDS[0]}" 'completion' 'bash'`);
}

function exitCodeHelp(): Message {
  const lines = exitCodeTexts.flatMap(([code, text]) => [
    lineBreak(),
    { type: "text", text: `  ${String(code).padStart(3)}  ${text}` } as const,
  ]);
  return [{ type: "text", text: "Exit codes:" }, ...lines];
}

function terminalWidth(): number {
  try {
    return Math.max(60, Math.min(Deno.consoleSize().columns, 120));
  } catch {
    return helpWidth; // no terminal
  }
}
