/** What the relay's worker and the thread that started it tell each other. */
import type { RelayOptions } from "./relay.ts";

/** From who started it. */
export type ToRelay =
  | { readonly type: "start"; readonly options: RelayOptions }
  /** The port in `ports[0]` gets a {@linkcode ConnectionFailure} for every connection that fails. */
  | { readonly type: "reports" }
  | { readonly type: "stop" };

/** From the worker. */
export type FromRelay =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "stopped" };
