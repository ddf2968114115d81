/** Running the system's own tools. */

/** Where they are, independent of the caller's `PATH`. */
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** All that they are told: the caller's variables may hold secrets, as `https_proxy` does. */
const environment = { PATH: searchPath, LC_ALL: "C.UTF-8", TZ: "UTC", SYSTEMD_COLORS: "0", SYSTEMD_PAGER: "" };
/** Time limit for a tool, in ms: starting a service waits until the agent works. */
const toolTimeoutMs = 120_000;

/** How a tool ended. */
export interface ToolResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a tool to completion; `undefined` if the system has none of that name. */
export async function tryTool(name: string, args: readonly string[]): Promise<ToolResult | undefined> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(name, {
      args: [...args],
      env: environment,
      clearEnv: true,
      stdin: "null",
      signal: AbortSignal.timeout(toolTimeoutMs),
    }).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr).trim() };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Runs a tool that must succeed, and returns its output. */
export async function runTool(name: string, args: readonly string[]): Promise<string> {
  const result = await tryTool(name, args);
  if (result === undefined) throw new Error(`Cannot run "${name}": it is not installed on this system`);
  if (result.code !== 0) {
    throw new Error(`Cannot run "${[name, ...args].join(" ")}": ${result.err || `it ended with ${result.code}`}`);
  }
  return result.out;
}
