/** Messages between the relay's worker and the thread that started it. */
import type { ConnectionFailure, OsError } from "./connection_failure.ts";
import type { RelayOptions } from "./relay.ts";

/** To the worker. */
export type ToRelay =
  | { readonly type: "start"; readonly options: RelayOptions }
  /** The port in `ports[0]` receives every {@linkcode RelayReport} from now on. */
  | { readonly type: "reports" }
  | { readonly type: "stop" };

/** From the worker. */
export type FromRelay =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "stopped" };

/** The relay's reports about its work. */
export type RelayReport =
  /** A connection could not be made, or broke. */
  | { readonly type: "failed"; readonly failure: ConnectionFailure }
  /** No connections can be accepted from this process's own clients; `null`: they can again. */
  | { readonly type: "trouble"; readonly trouble: OsError | null };
