/** Database integrations of an installation: the scheduler with its extractors, ledger and connection. */
import { getLogger } from "@logtape/logtape";
import { Scheduler } from "../../agent/scheduler.ts";
import type { Reach } from "../../agent/scheduler_ports.ts";
import { notePause } from "../../agent/source_progress.ts";
import type { SourceRunner } from "../../agent/source_switch.ts";
import { testSource } from "../../agent/test_source.ts";
import type { Config } from "../../config/config.ts";
import { Extractor } from "../../extractor/extractor.ts";
import type { SpawnExtractor } from "../../extractor/process.ts";
import type { AgentAnswer } from "../../protocol/assignment.ts";
import { databaseIdentity } from "./database_identity.ts";
import type { DatabaseSource, KnownConnection } from "../../protocol/database.ts";
import type { Link } from "../../protocol/linking.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type Approval, approveQuery, chooseConnection, type QueryIdentity } from "../../source/query_approval.ts";
import { sha256Hex } from "../../source/sha256_hex.ts";
import { isTimeZone } from "../../source/time_zone.ts";
import type { DiskSpool } from "../../spool/disk_spool.ts";
import { integrationKey, integrationNameOf } from "../../state/integration.ts";
import type { State } from "../../state/state.ts";
import { acceptedQueries, type WindowLedger, windowLedger } from "../../state/window_ledger.ts";

const log = getLogger(["cloud-link", "database"]);

/** What database integrations need from the installation. */
export interface DatabaseOptions {
  readonly config: Config;
  /** The connection of `[database]` with its password, if the TOML has one. */
  readonly kept: KnownConnection | undefined;
  readonly state: State;
  readonly spool: DiskSpool;
  readonly spawn: SpawnExtractor;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Creates runners of database integrations, and runs the hub's tests. */
export class DatabaseSources {
  readonly #options: DatabaseOptions;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  /** The runner of one integration; one that cannot run says why. */
  runner(source: DatabaseSource, link: Link): SourceRunner {
    const { clock, config, random, spawn, spool } = this.#options;
    const reach = this.#reach(source);
    if (typeof reach === "string") return cannotRun(reach);
    if (!isTimeZone(source.timeZone)) {
      return cannotRun(`The time zone "${source.timeZone}" is not known: choose another in the integration.`);
    }
    const scheduler = new Scheduler({
      integration: link.integration.name,
      source,
      reach,
      ledger: this.#ledger(link),
      spool,
      batchBytesMax: config.spool.bytesMax,
      live: new Extractor({ name: "live", spawn, clock }),
      history: new Extractor({ name: "history", spawn, clock }),
      clock,
      random,
      verbose: config.app.verbose,
      approve: (query) => this.#approve(query),
    });
    return {
      run: (signal) => scheduler.run(signal),
      importNow: () => scheduler.importNow(),
      get problem() {
        return spool.problem ?? scheduler.problem;
      },
    };
  }

  /** Connects and reads the last hour; imports nothing. */
  async test(source: DatabaseSource, signal: AbortSignal): Promise<AgentAnswer> {
    const { clock, spawn } = this.#options;
    const reach = this.#reach(source);
    if (typeof reach === "string") return { ok: false, message: reach };
    // A test shows rows to whoever requested it.
    const approval = this.#approve(source);
    if (approval.state === "refused") return { ok: false, message: approval.reason };
    await using runner = new Extractor({ name: "test", spawn, clock });
    return await testSource(source, { reach, runner, nowMs: clock.now(), signal });
  }

  /** The integration is paused: resuming will catch up from this point. */
  paused(link: Link): void {
    notePause(this.#ledger(link), { nowMs: this.#options.clock.now() });
  }

  #ledger(link: Link): WindowLedger {
    const { database } = this.#options.state;
    const key = integrationKey(database, integrationNameOf(link));
    return windowLedger(database, key);
  }

  #approve(query: QueryIdentity): Approval {
    const { config, state } = this.#options;
    const { allowQueryChanges } = config.database;
    return approveQuery(query, { allowQueryChanges, accepted: acceptedQueries(state.database) });
  }

  /** How to reach the database, or why it cannot be reached. */
  #reach(source: DatabaseSource): Reach | string {
    const { config, kept } = this.#options;
    const chosen = chooseConnection(source, kept, { keptType: config.database.type });
    if (!chosen.ok) return chosen.reason;
    const { connection } = chosen;
    const sqliteFolders = chosen.kept ? null : [...new Set([config.folder, config.app.importDirectory])];
    const { folder } = config;
    const identity = databaseIdentity(connection, { databaseType: source.databaseType, folder });
    return { connection, database: identity && sha256Hex(identity), sqliteFolders, folder };
  }
}

function cannotRun(problem: string): SourceRunner {
  log.error("{problem}", { problem });
  return { run: () => Promise.resolve(), importNow() {}, problem };
}
