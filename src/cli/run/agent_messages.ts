/** Messages between the supervisor of `run` and the agent's worker. */
import type { Config } from "../../config/config.ts";
import type { Proxy } from "../../egress/proxy.ts";
import type { RelayAddress } from "../../egress/start_relay.ts";
import type { StandardErrorFormat } from "../../log/standard_error.ts";
import type { KnownConnection } from "../../protocol/database.ts";

/** A {@linkcode Config} that can be posted. */
export type PlainConfig = Omit<Config, "hub"> & { readonly hub: Omit<Config["hub"], "url"> & { readonly url: string } };

/** Everything the worker needs to know: it reads neither the environment nor files outside its folders. */
export interface AgentStart {
  readonly config: PlainConfig;
  readonly relay: RelayAddress;
  /** The proxy for display, with the place that names it; `undefined` for none. */
  readonly shownProxy: string | undefined;
  /** Why a proxy may be missing. */
  readonly proxyTroubles: readonly string[];
  /** Its rules, for `check`; only the relay knows the credentials. `variable` also names the place. */
  readonly proxy: Omit<Proxy, "credentials"> | undefined;
  /** The database connection that stays on the premises, with its password. */
  readonly keptConnection: KnownConnection | undefined;
  /** Masked wherever the log would show them. */
  readonly secrets: readonly string[];
  readonly caCerts: readonly string[];
  readonly machineId: string | undefined;
  readonly standardError: StandardErrorFormat;
  /** Real paths of the executable and the TOML: never imported. */
  readonly ownPaths: readonly string[];
  /** Why the import folder cannot be read, and what to do: found before the worker's narrower permissions applied. */
  readonly importFolderTrouble: string | undefined;
}

/** From the supervisor. `stopped` answers `stop`; until then the worker may still write. */
export type ToAgent =
  /** `ports`: the relay's reports, the host of extractors, and who reads the import folder where the agent cannot. */
  | { readonly type: "start"; readonly start: AgentStart }
  /** `because`: why, for the log, if nobody asked for it. */
  | { readonly type: "stop"; readonly because?: string }
  /** Answer `alive`. */
  | { readonly type: "ping" };

/** From the agent's worker. Without `alive` the service manager is not notified either, and restarts the agent. */
export type FromAgent =
  /** The loops are running. */
  | { readonly type: "running" }
  /** Answer to `ping`, from the event loop that does the work. `status`: a line for people. */
  | { readonly type: "alive"; readonly status: string }
  /** Everything is durable and closed. */
  | { readonly type: "stopped" }
  | { readonly type: "failed"; readonly message: string; readonly exitCode: number };

/** Makes a configuration that can be posted. */
export function plainConfig(config: Config): PlainConfig {
  return { ...config, hub: { ...config.hub, url: config.hub.url.href } };
}

/** Restores a posted configuration. */
export function revivedConfig(plain: PlainConfig): Config {
  return { ...plain, hub: { ...plain.hub, url: new URL(plain.hub.url) } };
}
