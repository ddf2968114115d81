/** `run --service NAME`: the agent as a Windows service. Only Windows' service manager calls it. */
import { errorText } from "../runtime/error_text.ts";
import { openEventLog } from "../service/windows_event_log.ts";
import { runWindowsService } from "../service/windows_service.ts";
import { version } from "../runtime/version.ts";
import { exitCodes } from "./exit_codes.ts";
import { run, type RunOptions } from "./run/run.ts";

/** Runs the agent until the manager stops it; resolves with the exit code, which has been reported to the manager. */
export async function runAsWindowsService(name: string, options: RunOptions): Promise<number> {
  using log = openEventLog(name);
  return await runWindowsService(name, async ({ signal, ready }) => {
    const failed = (reason: string) => log.report("failed", `injixo Cloud Link cannot run: ${reason}`);
    try {
      const code = await run({
        ...options,
        inService: true,
        onFailure: failed,
        notifier: {
          aliveWithinMs: undefined,
          ready() {
            ready();
            log.report("started", `injixo Cloud Link ${version} has started. ${where()}`);
          },
          status() {},
          alive() {},
          stopping() {},
          [Symbol.dispose]() {},
        },
      }, { signal });
      if (code === exitCodes.ok) log.report("stopped", `injixo Cloud Link ${version} has stopped. ${where()}`);
      return code;
    } catch (error) {
      failed(errorText(error));
      throw error;
    }
  });
}

/** Identifies the installation, since several may report events. */
const where = () => `Program: ${Deno.execPath()}`;
