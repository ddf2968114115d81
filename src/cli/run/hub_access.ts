/** The clients of this installation's hub: through the relay, with the identity from its state. */
import { type Cloud, createCloud } from "../../cloud/cloud.ts";
import { ConnectionReports } from "../../egress/connection_reports.ts";
import { EgressTransport } from "../../egress/egress_client.ts";
import type { RelayAddress } from "../../egress/start_relay.ts";
import type { InstallationInfo } from "../../protocol/linking.ts";
import type { Clock } from "../../runtime/clock.ts";
import { version } from "../../runtime/version.ts";
import { readIdentity, writeIdentity } from "../../state/identity.ts";
import type { StateDatabase } from "../../state/state_database.ts";

/** The network (relay), and the identity (state database) to use. */
export interface HubAccessOptions {
  readonly hubUrl: URL;
  readonly relay: RelayAddress;
  /** The relay's reports of failed connections. */
  readonly reports: MessagePort;
  readonly caCerts: readonly string[];
  readonly database: StateDatabase;
  readonly clock: Clock;
  /** `[app] name`. */
  readonly appName: string;
  /** The hub has given a proper answer. */
  readonly onAnswer: () => void;
}

/** Disposing closes the connections. */
export interface HubAccess extends Disposable {
  readonly cloud: Cloud;
  readonly reports: ConnectionReports;
}

/** Creates the clients; sends nothing yet. */
export function openHubAccess(options: HubAccessOptions): HubAccess {
  const { hubUrl, relay, caCerts, clock, database } = options;
  const stack = new DisposableStack();
  const reports = stack.use(new ConnectionReports(options.reports, { nowMs: () => clock.monotonicMs() }));
  const transport = (purpose: "api" | "poll" | "delivery") =>
    stack.use(new EgressTransport({ port: relay.port, token: relay.token, purpose, caCerts, reports }));
  const cloud = createCloud({
    hubUrl,
    transports: { api: transport("api"), poll: transport("poll"), delivery: transport("delivery") },
    clock,
    identities: {
      load: () => readIdentity(database),
      save: (identity) => writeIdentity(database, identity),
    },
    info: installationInfo(options.appName),
    onAnswer: options.onAnswer,
  });
  return { cloud, reports, [Symbol.dispose]: () => stack.dispose() };
}

/** What the hub displays about this installation. */
function installationInfo(appName: string): InstallationInfo {
  return {
    hostName: Deno.hostname(),
    version,
    system: `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`,
    name: appName,
  };
}
