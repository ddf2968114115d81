/** A running installation: the agent with its state, spool, sources, hub and control channel. */
import { join } from "node:path";
import { Agent } from "../../agent/agent.ts";
import { watchClock } from "../../agent/clock_watch.ts";
import type { SourceRunner } from "../../agent/source_switch.ts";
import { runTogether } from "../../agent/tasks.ts";
import { Uploader } from "../../agent/uploader.ts";
import type { AgentStatus } from "../../control/status.ts";
import type { Config } from "../../config/config.ts";
import { remoteSpawn } from "../../extractor/host.ts";
import { realFileSystem } from "../../durable/real_file_system.ts";
import type { Link } from "../../protocol/linking.ts";
import type { Clock } from "../../runtime/clock.ts";
import { version } from "../../runtime/version.ts";
import { CsvFolder } from "../../source/csv_folder.ts";
import type { OpenImportFile } from "../../source/import_file.ts";
import { type DiskSpool, openSpool } from "../../spool/disk_spool.ts";
import { csvLedger, forgetCsvContent } from "../../state/csv_ledger.ts";
import { integrationKey, integrationNameOf } from "../../state/integration.ts";
import { endLink, readLink, writeAssignment, writeLink } from "../../state/link_store.ts";
import { reopenWindow } from "../../state/window_ledger.ts";
import { openState, spoolFolderName, type State } from "../../state/state.ts";
import { stateFolderOf } from "../state_folder.ts";
import type { AgentStart } from "./agent_messages.ts";
import { checkAgent, notingObjectStores } from "./check_agent.ts";
import { DatabaseSources } from "./database_source.ts";
import { type HubAccess, openHubAccess } from "./hub_access.ts";
import { type LastError, serveInstallation } from "./control_handlers.ts";

/** What the agent's worker was started with, and whom to notify once it works. */
export interface InstallationOptions {
  readonly start: AgentStart;
  readonly config: Config;
  /** The relay's reports. */
  readonly reports: MessagePort;
  /** The main thread's extractor host. */
  readonly extractors: MessagePort;
  /** Opens files of the import folder. @default `Deno.open` */
  readonly openFile?: OpenImportFile | undefined;
  readonly clock: Clock;
  readonly lastError: () => LastError | null;
  /** It works, and commands are answered; `status` reports its state. */
  readonly onRunning: (status: () => AgentStatus) => void;
}

/** Runs until aborted; then everything is durable and closed. */
export async function runInstallation(options: InstallationOptions, signal: AbortSignal): Promise<void> {
  const { start, config, clock } = options;
  using state = await openState(stateFolderOf(config), {
    owner: { appName: config.app.name, folder: config.folder, machineId: start.machineId },
    fs: realFileSystem,
    clock,
  });
  let agent: Agent | undefined = undefined;
  await using spool = await openSpoolOf(state, { ...options, onReread: () => agent?.importNow() });
  using hub = openHubAccess({
    hubUrl: config.hub.url,
    relay: start.relay,
    reports: options.reports,
    caCerts: start.caCerts,
    database: state.database,
    clock,
    appName: config.app.name,
    onAnswer: () => agent?.hubAnswered(),
  });
  const objectStores = new Set<string>();
  const databases = new DatabaseSources({
    config,
    kept: start.keptConnection,
    state,
    spool,
    spawn: remoteSpawn(options.extractors),
    clock,
    random: () => Math.random(),
  });
  agent = makeAgent({ state, spool, hub, databases, objectStores }, options);
  const check = (caller: AbortSignal) => {
    const source = readLink(state.database)?.assignment?.source;
    const testDatabase = source?.type === "database"
      ? (inner: AbortSignal) => databases.test(source, inner)
      : undefined;
    return checkAgent({ start, config, agent, hub, objectStores, testDatabase, clock }, caller);
  };
  await runTogether([
    (inner) => agent.run(inner),
    (inner) => serveInstallation({ agent, state, spool, check, ...options }, inner),
    (inner) => watchClock(clock, inner),
  ], signal);
}

function openSpoolOf(
  state: State,
  { config, clock, onReread }: InstallationOptions & { onReread: () => void },
): Promise<DiskSpool> {
  const { database } = state;
  return openSpool({
    folder: join(state.folder, spoolFolderName),
    setAsideFolder: state.setAsideFolder,
    fs: realFileSystem,
    database,
    clock,
    limits: config.spool,
    onLost: ({ integration, batch, reread }) => {
      if (batch.origin.kind === "csv") forgetCsvContent(database, integration, { sha256: batch.sha256, reread });
      else if (reread) reopenWindow(database, integration, batch);
      if (reread) onReread();
    },
  });
}

function makeAgent(
  { state, spool, hub, databases, objectStores }: {
    state: State;
    spool: DiskSpool;
    hub: HubAccess;
    databases: DatabaseSources;
    objectStores: Set<string>;
  },
  { start, config, openFile, clock }: InstallationOptions,
): Agent {
  const { database } = state;
  const random = () => Math.random();
  const client = notingObjectStores(hub.cloud.delivery, objectStores);
  return new Agent({
    clock,
    random,
    version,
    run: crypto.randomUUID(),
    hubUrl: config.hub.url,
    account: config.hub.account,
    linkingClient: hub.cloud.linking,
    assignmentClient: hub.cloud.assignment,
    linkStore: {
      load: () => readLink(database)?.link,
      save: (link) => writeLink(database, link),
      end: (link, reason) =>
        endLink(database, link, { deletedAt: reason === "integration-deleted" ? clock.now() : undefined }),
    },
    assignmentStore: {
      load: () => readLink(database)?.assignment,
      save: (assignment) => writeAssignment(database, assignment),
    },
    spool,
    makeDelivery: ({ onUnlinked }) =>
      new Uploader({
        spool,
        client,
        clock,
        random,
        limits: config.upload,
        onUnlinked: (error) => onUnlinked(error.unlinkReason ?? "moved"),
      }),
    makeSource: (source, link) =>
      source.type === "csv"
        ? csvSource(link, { state, spool, start, config, openFile, clock })
        : databases.runner(source, link),
    onPaused: (link) => databases.paused(link),
    testSource: (request, signal) => databases.test(request.source, signal),
  });
}

function csvSource(
  link: Link,
  { state, spool, start, config, openFile, clock }:
    & { state: State; spool: DiskSpool }
    & Pick<
      InstallationOptions,
      "start" | "config" | "openFile" | "clock"
    >,
): SourceRunner {
  const key = integrationKey(state.database, integrationNameOf(link));
  const folder = new CsvFolder({
    folder: config.app.importDirectory,
    open: openFile,
    ownPaths: [...start.ownPaths, state.folder],
    settleMs: config.csv.settleMs,
    pollMs: config.csv.pollMs,
    spool,
    ledger: csvLedger(state.database, key),
    clock,
  });
  return {
    run: (signal) => folder.run(signal),
    importNow: () => folder.importNow(),
    get problem() {
      return spool.problem ?? folder.problem;
    },
  };
}
