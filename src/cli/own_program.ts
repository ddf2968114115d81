/** Starts this program again as a child process. */
import { ownCommand } from "../runtime/own_command.ts";

/** How long a child may take to end before it is killed, in ms. */
const stopTimeoutMs = 2000;

/** A child process of this program. Disposing ends it. */
export interface OwnProgram extends AsyncDisposable {
  /** Its standard output, line by line. */
  readonly lines: AsyncIterableIterator<string>;
  readonly status: Promise<Deno.CommandStatus>;
}

/** Starts the program with these arguments; its standard error is discarded. */
export function startOwnProgram(args: readonly string[]): OwnProgram {
  const { path, args: first } = ownCommand();
  const child = new Deno.Command(path, {
    args: [...first, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  return {
    lines: linesOf(child.stdout),
    status: child.status,
    async [Symbol.asyncDispose]() {
      const timer = setTimeout(() => tryKill(child, "SIGKILL"), stopTimeoutMs);
      tryKill(child, "SIGTERM");
      await child.status;
      clearTimeout(timer);
    },
  };
}

/** Runs the program to completion and returns its output; fails if it does. */
export async function runOwnProgram(args: readonly string[]): Promise<string> {
  const { path, args: first } = ownCommand();
  const { success, stdout, stderr } = await new Deno.Command(path, { args: [...first, ...args], stdin: "null" })
    .output();
  if (!success) throw new Error(`Cannot run "${args.join(" ")}": ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

function tryKill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // it has ended
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
