/** A machine with systemd, in namespaces of its own: the shell script `box` beside this file. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("box", import.meta.url));
/** How long anything that is waited for may take, in ms. */
const patienceMs = 120_000;
const tryEveryMs = 100;

/** How a command ended, and what it printed: standard output and error. */
export interface Ran {
  readonly code: number;
  readonly printed: string;
}

/** A running machine. Disposing shuts it down and forgets it. */
export class Box implements AsyncDisposable {
  /** Its working folder, outside of it. */
  readonly folder: string;
  readonly #shared: readonly string[];

  private constructor(folder: string, shared: readonly string[]) {
    this.folder = folder;
    this.#shared = shared;
  }

  /** Starts a machine that has the shared folders at their own paths. */
  static async start(shared: readonly string[]): Promise<Box> {
    if (Deno.uid() !== 0) throw new Error("Cannot start a machine with systemd: these tests need root");
    await Deno.stat("/usr/lib/systemd/systemd").catch(() => {
      throw new Error("Cannot start a machine with systemd: install Debian's packages systemd and dbus");
    });
    const box = new Box(await Deno.makeTempDir({ dir: "/var/tmp", prefix: "cloud-link-box-" }), shared);
    try {
      await box.#boot();
    } catch (error) {
      await box[Symbol.asyncDispose]();
      throw error;
    }
    return box;
  }

  async #boot(): Promise<void> {
    await this.#tool("up", ...this.#shared);
    await this.sh("ip link set lo up");
  }

  /** Shuts down and starts again. */
  async reboot(): Promise<void> {
    await this.#tool("down");
    await this.#boot();
  }

  /** Runs a command inside. */
  async run(command: readonly string[], options: { stdin?: string; env?: Record<string, string> } = {}): Promise<Ran> {
    const variables = Object.entries({ NO_COLOR: "1", HOME: "/root", ...options.env }).map(([name, value]) =>
      `${name}=${value}`
    );
    // Into a file: a process in the background must not keep a pipe open.
    return await runToEnd(
      [script, "exec", this.folder, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", ...variables, ...command],
      options.stdin,
    );
  }

  /** Runs a line of shell inside, which must succeed; returns what it printed. */
  async sh(line: string): Promise<string> {
    const { code, printed } = await this.run(["sh", "-c", line]);
    if (code !== 0) throw new Error(`"${line}" ended with ${code}:\n${printed}`);
    return printed;
  }

  async write(path: string, text: string): Promise<void> {
    const { code, printed } = await this.run(["sh", "-c", 'cat >"$0"', path], { stdin: text });
    if (code !== 0) throw new Error(`Cannot write "${path}" in the box: ${printed}`);
  }

  /** Waits until a line of shell prints something that matches. */
  async waitFor(line: string, pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = performance.now() + patienceMs;
    let printed = "";
    while (performance.now() < deadline) {
      ({ printed } = await this.run(["sh", "-c", line]));
      const match = pattern.exec(printed);
      if (match) return match;
      await new Promise<void>((resolve) => setTimeout(resolve, tryEveryMs));
    }
    const journal = (await this.run(["journalctl", "--no-pager", "--lines=40"])).printed;
    throw new Error(`"${line}" never printed ${pattern}, but:\n${printed}\nThe journal ends:\n${journal}`);
  }

  async #tool(action: string, ...args: readonly string[]): Promise<void> {
    const { code, printed } = await runToEnd([script, action, this.folder, ...args]);
    if (code !== 0) throw new Error(`Cannot ${action} the machine with systemd: ${printed}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tool("remove");
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** With its output in a file: what it leaves in the background must not keep a pipe open. */
async function runToEnd([path = "", ...args]: readonly string[], stdin = ""): Promise<Ran> {
  const folder = await Deno.makeTempDir();
  try {
    const files = [join(folder, "in"), join(folder, "out")];
    await Deno.writeTextFile(files[0] ?? "", stdin);
    const redirected = ["-c", 'in=$0; out=$1; shift; exec "$@" <"$in" >"$out" 2>&1', ...files, path, ...args];
    const { code } = await new Deno.Command("/bin/sh", {
      args: redirected,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      env: { BOX_OWNER: String(Deno.pid) },
    })
      .output();
    return { code, printed: await Deno.readTextFile(files[1] ?? "") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
