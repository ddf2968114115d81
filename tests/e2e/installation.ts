/** Installations and hubs as their users run them: child processes of the compiled executable. */
import { join } from "node:path";
import { executable } from "../setup/executable.ts";

/** How long anything that is waited for may take, in ms. */
const patienceMs = 90_000;

/** A process of the compiled executable. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  /** Resolves when standard output and standard error have both ended. */
  readonly #output: Promise<void>;
  readonly status: Promise<Deno.CommandStatus>;
  /** What it has printed to standard output and standard error so far. */
  printed = "";
  #wake: (() => void)[] = [];
  #ended = false;

  constructor(args: readonly string[], options: { env?: Record<string, string>; path?: string } = {}) {
    this.#child = new Deno.Command(options.path ?? executable, {
      args: [...args],
      env: { NO_COLOR: "1", ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.status = this.#child.status;
    this.#output = this.#collect();
  }

  get pid(): number {
    return this.#child.pid;
  }

  async #collect(): Promise<void> {
    await Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)]);
    this.#ended = true;
    this.#changed();
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.printed += text;
      this.#changed();
    }
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** The first match in what was printed; fails when the program ends without one. */
  async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = performance.now() + patienceMs;
    while (true) {
      const match = pattern.exec(this.printed);
      if (match) return match;
      const leftMs = deadline - performance.now();
      if (this.#ended || leftMs <= 0) {
        throw new Error(`The program never printed ${pattern}, but:\n${this.printed}`);
      }
      await this.#change(leftMs);
    }
  }

  /** Resolves when something was printed, or the output has ended, or `patienceMs` have passed. */
  #change(patienceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Sends the signal, waits for the end and returns the exit code and how long it took. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<{ code: number; ms: number }> {
    const start = performance.now();
    try {
      this.#child.kill(signal);
    } catch {
      // it has ended already
    }
    const { code } = await this.status;
    const ms = performance.now() - start;
    await this.#output;
    return { code, ms };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }
}

/** Runs a command to its end. */
export async function runProgram(
  args: readonly string[],
  options: { env?: Record<string, string> } = {},
): Promise<{ code: number; printed: string }> {
  await using program = new Program(args, options);
  const { code } = await program.status;
  await program.stop();
  return { code, printed: program.printed };
}

/** What else its configuration says. */
export interface InstallationOptions {
  readonly toml?: string;
  readonly hubToml?: string;
}

/** A temporary installation folder with a configuration, in which agents can be started. */
export class Installation implements AsyncDisposable {
  readonly folder: string;
  readonly configFile: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.configFile = join(folder, "injixo-cloud-link.toml");
  }

  static async make(hubUrl: string, options: InstallationOptions = {}): Promise<Installation> {
    const installation = new Installation(await Deno.realPath(await Deno.makeTempDir({ prefix: "cloud-link-" })));
    await installation.configure(hubUrl, options);
    return installation;
  }

  /** `toml` comes before the sections that this writes, `hubToml` in the section [hub]. */
  async configure(hubUrl: string, { toml = "", hubToml = "" }: InstallationOptions = {}): Promise<void> {
    await Deno.writeTextFile(
      this.configFile,
      `${toml}\n[hub]\nurl = "${hubUrl}"\n${hubToml}\n[csv]\nsettleSeconds = 0.2\npollSeconds = 1\n`,
    );
  }

  start(options: { env?: Record<string, string>; path?: string } = {}): Program {
    return new Program(["run", "--config", this.configFile, "--log-format", "text"], options);
  }

  command(name: string, ...args: string[]): Promise<{ code: number; printed: string }> {
    return runProgram([name, "--config", this.configFile, ...args]);
  }

  /** Shows a PIN as its user asks for it. */
  async pin(): Promise<string> {
    const { printed } = await this.command("pin", "--no-wait");
    return /Enter your pin: (\d{6})/.exec(printed)?.[1] ?? printed;
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Writes a file as an exporter does: under another name first. */
  async drop(name: string, content: string | Uint8Array<ArrayBuffer>): Promise<void> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(this.path(`.${name}.part`), bytes);
    await Deno.rename(this.path(`.${name}.part`), this.path(name));
  }

  log(): Promise<string> {
    return Deno.readTextFile(this.path("injixo-cloud-link.log"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
