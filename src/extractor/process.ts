/** The extractor as a process, seen by its user; and how it is started by the thread that may. */
import { lineBytesMax } from "./messages.ts";
import { lines } from "./lines.ts";

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number;
  /** The signal that ended it, e.g. `SIGSEGV`. */
  readonly signal: string | null;
  /** The end of its standard error. */
  readonly standardError: string;
}

/** A running process. Its owner must wait for `end`. */
export interface ExtractorProcess {
  /** Lines of its standard output, until it ends. */
  readonly output: AsyncIterable<string>;
  /** Writes a line to its standard input. Does nothing if it has ended. */
  send(line: string): void;
  /** Closes its standard input, which makes it finish by itself. */
  close(): void;
  /** Kills it. */
  kill(): void;
  readonly end: Promise<ProcessEnd>;
}

/** Starts an extractor. The agent does so through the main thread, which alone is allowed to. */
export type SpawnExtractor = () => ExtractorProcess;

/** What to start, and in what environment. */
export interface ExtractorCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** The child's complete environment; see {@linkcode extractorEnvironment}. */
  readonly environment: Readonly<Record<string, string>>;
}

/** How much of standard error is kept, in characters. */
const standardErrorLength = 4096;

/** Variables that drivers and the driver manager look for; nothing else of the environment reaches them. */
const passedOn = [
  "ODBCINI",
  "ODBCSYSINI",
  "ODBCINSTINI",
  "HOME",
  "TZ",
  "TZDIR",
  "KRB5_CONFIG",
  "KRB5CCNAME",
  "KRB5_CLIENT_KTNAME",
  "PGGSSENCMODE",
  "PGREQUIREAUTH",
  "FREETDSCONF",
  "ORACLE_HOME",
  "TNS_ADMIN",
  "NLS_LANG",
  "LD_LIBRARY_PATH",
  "SystemRoot",
  "SystemDrive",
  "ProgramFiles",
  "ProgramData",
  "USERPROFILE",
  "APPDATA",
  "LOCALAPPDATA",
  "TEMP",
  "TMP",
  "PATH",
] as const;

/**
 * Used unless the administrator sets these variables: a PostgreSQL server chosen by the hub may ask for the service's own
 * Kerberos or Windows identity, and libpq would give it. libpq reads the first since version 12, the second since 16.
 */
const withoutOwnIdentity = { PGGSSENCMODE: "disable", PGREQUIREAUTH: "!gss,!sspi" };

/** The child's environment: the parts of ours that drivers need. Proxies, tokens and the like are left out. */
export function extractorEnvironment(get: (name: string) => string | undefined): Record<string, string> {
  const environment: Record<string, string> = {
    // Driver messages in one language and text in UTF-8, whatever the service was started with.
    LC_ALL: "C.UTF-8",
    NO_COLOR: "1",
    ...withoutOwnIdentity,
  };
  for (const name of passedOn) {
    const value = get(name);
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

/** Starts the process. Needs permission to run `program`. */
export function spawnProcess(command: ExtractorCommand): ExtractorProcess {
  const child = new Deno.Command(command.program, {
    args: [...command.args],
    env: { ...command.environment },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const encoder = new TextEncoder();
  const standardError = tail(child.stderr);
  // A process that has gone takes no more input; its end says why.
  const ignore = () => {};
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has already ended.
    }
  };
  return {
    output: lines(child.stdout, { bytesMax: lineBytesMax }),
    send: (line) => void writer.write(encoder.encode(`${line}\n`)).catch(ignore),
    close: () => void writer.close().catch(ignore),
    kill,
    end: (async () => {
      const status = await child.status;
      await writer.close().catch(ignore);
      return { code: status.code, signal: status.signal, standardError: await standardError };
    })(),
  };
}

async function tail(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text = (text + decoder.decode(chunk, { stream: true })).slice(-standardErrorLength);
  }
  return text.trim();
}
