/**
 * A Windows to test on: Wine in the box that `../shared/tools/wine-box` (beside the project's folder) makes. Each box
 * here is a fresh Windows with a drive C: of its own; the folder `work` is there under the same path on drive Z:.
 */
import { join } from "node:path";
import { exists } from "../../src/runtime/exists.ts";
import { runTool } from "../../installer/tool.ts";
import { compileForWindows, mendImage, sharedRuntime, windowsTarget } from "../../installer/windows_executable.ts";
import { projectFolder } from "../setup/executable.ts";

const tool = join(projectFolder, "..", "shared", "tools", "wine-box");
/** How long a command may take, in ms. */
const commandTimeoutMs = 180_000;

/** What a command printed, without carriage returns, and its exit code. */
export interface Done {
  readonly code: number;
  readonly printed: string;
}

/** A fresh Windows. Disposing ends all of its processes and deletes it. */
export class WindowsBox implements AsyncDisposable {
  /** Folder that both sides see. */
  readonly work: string;
  readonly #prefix: string;
  readonly #root: string;
  readonly #alive: Deno.ChildProcess;

  private constructor(options: { work: string; prefix: string; root: string; alive: Deno.ChildProcess }) {
    this.work = options.work;
    this.#prefix = options.prefix;
    this.#root = options.root;
    this.#alive = options.alive;
  }

  /** Makes one; takes a minute where the tool has to build its box first. */
  static async open(): Promise<WindowsBox> {
    if (!await exists(tool)) {
      throw new Error(`Cannot test on Windows: "${tool}" is missing. It makes a box with Wine 10 and wixl`);
    }
    await makeBox();
    const work = await Deno.realPath(await Deno.makeTempDir({ prefix: "cloud-link-windows-" }));
    const prefix = work.replaceAll("/", "-").slice(1);
    const box = Deno.env.get("BOX") ?? join(Deno.env.get("HOME") ?? "/root", ".cache", "wine-box");
    const run = (args: readonly string[], pipe: "null" | "piped" = "null") =>
      new Deno.Command(tool, {
        args: ["run", "-p", prefix, "-b", work, ...args],
        stdin: pipe,
        stdout: pipe,
        stderr: "null",
      }).spawn();
    // All processes of the first start have to end: its service manager would take what the tests install with it.
    await run(["bash", "-c", "wineboot --init; wineserver -w"]).status;
    // Windows' service manager ends with the last process of its user: one stays for as long as the test runs.
    const alive = run(["wine", "cmd"], "piped");
    const greeting = alive.stdout.getReader();
    await greeting.read();
    greeting.releaseLock();
    return new WindowsBox({ work, prefix, root: join(box, "trixie"), alive });
  }

  /** Where a path of drive C: is on this machine. */
  onDriveC(path: string): string {
    return join(this.#root, "prefix", this.#prefix, "drive_c", ...path.split("\\"));
  }

  /**
   * Makes the share `\\host\name`; `folder` is where it is on this machine. A file on it must have no drive's letter, as on
   * Windows: drive Z: is away until the share is disposed of. Wine's name for such a file is `\\?\unix\…`, of which Deno
   * makes `\\unix\…`: that leads to it too.
   */
  async share(host: string, name: string): Promise<{ folder: string } & AsyncDisposable> {
    const devices = join(this.onDriveC(".."), "dosdevices");
    const folder = join(devices, "unc", host, name);
    await Deno.mkdir(folder, { recursive: true });
    await Deno.symlink("/", join(devices, "unc", "unix"));
    await Deno.remove(join(devices, "z:"));
    return { folder, [Symbol.asyncDispose]: () => Deno.symlink("/", join(devices, "z:")) };
  }

  /** Runs a Windows program; a path of drive C: may begin with `C:\`. */
  async wine(program: string, ...args: readonly string[]): Promise<Done> {
    const { code, printed } = await this.linux("wine", program, ...args);
    return { code, printed: printed.replaceAll("\r", "").replace(/^.*XDG_RUNTIME_DIR.*\n/gm, "") };
  }

  /** Runs one that must succeed; returns what it printed. */
  async must(program: string, ...args: readonly string[]): Promise<string> {
    const { code, printed } = await this.wine(program, ...args);
    if (code !== 0) throw new Error(`"${program} ${args.join(" ")}" ended with ${code}: ${printed}`);
    return printed;
  }

  /** Runs a program of the box itself, not a Windows one. */
  async linux(program: string, ...args: readonly string[]): Promise<Done> {
    const output = await Deno.makeTempFile({ dir: this.work, prefix: "printed-" });
    // Into a file: services that the command starts inherit its output, and a pipe would stay open with them.
    // On drive C:, as Windows programs need a folder that is on a drive.
    const script = 'output=$1; shift; cd "$WINEPREFIX/drive_c"; exec "$@" >"$output" 2>&1';
    const { code } = await new Deno.Command(tool, {
      args: ["run", "-p", this.#prefix, "-b", this.work, "bash", "-c", script, "box", output, program, ...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      signal: AbortSignal.timeout(commandTimeoutMs),
    }).output();
    const printed = await Deno.readTextFile(output);
    await Deno.remove(output);
    return { code, printed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.linux("wineserver", "-k");
    await this.#alive.stdin.close();
    await this.#alive.stdout.cancel();
    await this.#alive.status;
    await Deno.remove(this.onDriveC(".."), { recursive: true });
    await Deno.remove(this.work, { recursive: true });
  }
}

/** Once, whatever runs at the same time: the tool begins anew what it finds half made. */
async function makeBox(): Promise<void> {
  const home = Deno.env.get("HOME") ?? "/root";
  await Deno.mkdir(join(home, ".cache"), { recursive: true });
  using lock = await Deno.open(join(home, ".cache", "wine-box.lock"), { create: true, write: true });
  await lock.lock(true);
  const { success, stderr } = await new Deno.Command(tool, { args: ["up"], stdin: "null" }).output();
  if (!success) throw new Error(`Cannot make the box with Wine: ${new TextDecoder().decode(stderr)}`);
}

/** Compiles the program for Windows. */
export async function compileExecutable(output: string): Promise<void> {
  await compileForWindows({ output, runtime: await sharedRuntime(projectFolder) });
}

/** Compiles another program of the tests for Windows. */
export async function compileProgram(main: string, output: string): Promise<void> {
  const runtime = await sharedRuntime(projectFolder);
  const options = ["--quiet", "--no-check", "--no-code-cache", "--allow-all", "--exclude-unused-npm"];
  await runTool(Deno.execPath(), ["compile", `--target=${windowsTarget}`, ...options, `--output=${output}`, main], {
    cwd: projectFolder,
    env: runtime === undefined ? {} : { DENORT_BIN: runtime },
  });
  await Deno.writeFile(output, mendImage(await Deno.readFile(output)));
}

/** Path on drive Z: of a path of this machine. */
export function onDriveZ(path: string): string {
  return `Z:${path.replaceAll("/", "\\")}`;
}
