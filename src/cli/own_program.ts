/** Starts this program again as a child process. */
import { ownCommand } from "../runtime/own_command.ts";

/** How long a child may take to end before it is killed, in ms; its data is durable at any time. */
const stopTimeoutMs = 2000;

/** A child process of this program. Disposing ends it. */
export interface OwnProgram extends AsyncDisposable {
  /** Its standard output, line by line. */
  readonly lines: AsyncIterableIterator<string>;
  readonly status: Promise<Deno.CommandStatus>;
}

/** How a child process is run: as for `Deno.Command`. */
type RunOptions = Pick<Deno.CommandOptions, "cwd" | "env" | "signal">;

/** Starts the program with these arguments; its standard error is discarded. */
export function startOwnProgram(args: readonly string[]): OwnProgram {
  const child = ownProgram(args, { stdin: "null", stdout: "piped", stderr: "null" }).spawn();
  return {
    lines: linesOf(child.stdout),
    status: child.status,
    [Symbol.asyncDispose]: () => endProgram(child),
  };
}

/** The program with these arguments, to be started. */
export function ownProgram(args: readonly string[], options: Omit<Deno.CommandOptions, "args">): Deno.Command {
  const { path, args: first } = ownCommand();
  return new Deno.Command(path, { ...options, args: [...first, ...args] });
}

/** Ends a child process, and resolves when it has ended: it is killed if it takes long. */
export async function endProgram(child: Deno.ChildProcess): Promise<void> {
  const timer = setTimeout(() => tryKill(child, "SIGKILL"), stopTimeoutMs);
  tryKill(child, "SIGTERM");
  await child.status;
  clearTimeout(timer);
}

/** Runs the program to completion and returns its output; fails if it does. */
export async function runOwnProgram(args: readonly string[]): Promise<string> {
  const { code, out, err } = await runToEnd(args, {});
  if (code !== 0) throw new Error(`Cannot run "${args.join(" ")}": ${err.trim()}`);
  return out;
}

/** Its output, standard output first, and its exit code as the last line if that is not 0. */
export async function outputOfOwnProgram(args: readonly string[], options: RunOptions): Promise<string> {
  const { code, out, err } = await runToEnd(args, options);
  return `${out}${err}${code === 0 ? "" : `(exit code ${code})\n`}`;
}

async function runToEnd(
  args: readonly string[],
  options: RunOptions,
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const { code, stdout, stderr } = await ownProgram(args, { ...options, stdin: "null" }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

function tryKill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended.
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncIterableIterator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
