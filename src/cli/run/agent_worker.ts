/** Entry of the agent's worker: ties the agent to its state, spool, sources and hub. Started by `run.ts`. */
/// <reference lib="deno.worker" />
import { getLogger } from "@logtape/logtape";
import { startLogging } from "../../log/logging.ts";
import { systemClock } from "../../runtime/clock.ts";
import { errorText } from "../../runtime/error_text.ts";
import { version } from "../../runtime/version.ts";
import { lockState, StateLockedError } from "../../state/state_lock.ts";
import { type AgentStart, type FromAgent, revivedConfig, type ToAgent } from "./agent_messages.ts";
import type { AgentStatus } from "../../control/status.ts";
import { exitCodes } from "../exit_codes.ts";
import { type InstallationOptions, runInstallation } from "./installation.ts";
import { remoteFiles } from "../../source/remote_files.ts";
import { stateFolderOf } from "../state_folder.ts";
import { statusLine } from "../status_line.ts";

const log = getLogger(["cloud-link"]);
const stopping = new AbortController();
const tell = (message: FromAgent) => self.postMessage(message);
const running: { status: (() => AgentStatus) | undefined } = { status: undefined };

self.onmessage = async (event: MessageEvent<ToAgent>) => {
  const message = event.data;
  if (message.type === "stop") return stop(message.because);
  if (message.type === "ping") {
    return tell({ type: "alive", status: running.status ? statusLine(running.status()) : "" });
  }
  const [reports, extractors, share] = event.ports;
  if (reports === undefined || extractors === undefined) throw new Error("Cannot start the agent: a port is missing");
  try {
    await runAgent(message.start, { reports, extractors, openFile: share && remoteFiles(share) });
    tell({ type: "stopped" });
  } catch (error) {
    const exitCode = error instanceof StateLockedError ? exitCodes.alreadyRunning : exitCodes.failed;
    tell({ type: "failed", message: errorText(error), exitCode });
  }
};

function stop(because: string | undefined): void {
  if (because !== undefined) log.fatal("injixo Cloud Link cannot continue: {reason}", { reason: because });
  stopping.abort(new DOMException("The agent was told to stop", "AbortError"));
}

/** Everything between the first and the last line in the log. */
async function runAgent(
  start: AgentStart,
  means: Pick<InstallationOptions, "reports" | "extractors" | "openFile">,
): Promise<void> {
  const config = revivedConfig(start.config);
  // Before the log is rotated: a second agent in this folder must not take it from the first.
  await Deno.mkdir(stateFolderOf(config), { recursive: true, mode: 0o700 });
  (await lockState(stateFolderOf(config)))[Symbol.dispose]();
  const lastError: { current: { message: string; at: string } | null } = { current: null };
  await using logging = startLogging({
    folder: config.folder,
    clock: systemClock,
    standardError: start.standardError,
    onError: ({ message, timestampMs }) => lastError.current = { message, at: new Date(timestampMs).toISOString() },
  });
  for (const secret of [start.relay.token, ...start.secrets]) logging.redactor.register(secret);
  log.info("injixo Cloud Link {version} starts in {folder}, for the hub {hub}{proxy}.", {
    version,
    folder: config.folder,
    hub: config.hub.url.origin,
    proxy: start.shownProxy === undefined ? "" : `, through the proxy ${start.shownProxy}`,
  });
  for (const trouble of start.proxyTroubles) log.warn("{trouble}", { trouble });
  if (start.importFolderTrouble !== undefined) {
    log.error("Cannot read the import folder {folder}: {trouble}", {
      folder: config.app.importDirectory,
      trouble: start.importFolderTrouble,
    });
  }
  try {
    await runInstallation({
      start,
      config,
      ...means,
      clock: systemClock,
      lastError: () => lastError.current,
      onRunning: (status) => {
        running.status = status;
        tell({ type: "running" });
      },
    }, stopping.signal);
    log.info("injixo Cloud Link stops.");
  } catch (error) {
    log.fatal("injixo Cloud Link cannot continue: {reason}", {
      reason: errorText(error),
      error,
    });
    throw error;
  }
}
