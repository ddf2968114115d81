/**
 * What the relay knows of a connection that could not be made: plain data, posted to the agent's worker. fetch does not
 * tell why a connection failed, `Deno.connect` does.
 */
import { errorText } from "../runtime/error_text.ts";

/** The operating system's own error. */
export interface OsError {
  /** E.g. `ECONNREFUSED`; absent when the system gave only words. */
  readonly code?: string;
  /** E.g. 111 on Linux, 10061 on Windows. */
  readonly number?: number;
  /** The system's words (localised on Windows). */
  readonly text: string;
}

/** Why. `peer` is the host that was dialled: the proxy when there is one, else the destination. */
export type FailureCause =
  /** The destination is none of the allowed ones. */
  | { readonly stage: "forbidden" }
  /** Too many tunnels are open. */
  | { readonly stage: "limit"; readonly tunnelsMax: number }
  /** The name of `peer` was not resolved. */
  | { readonly stage: "dns"; readonly peer: string; readonly os: OsError }
  | { readonly stage: "tcp"; readonly peer: string; readonly os: OsError }
  | { readonly stage: "tcp-timeout"; readonly peer: string; readonly timeoutMs: number }
  /** The proxy refused the tunnel. */
  | {
    readonly stage: "proxy-refused";
    readonly peer: string;
    readonly status: number;
    readonly statusLine: string;
    /** Schemes of `Proxy-Authenticate`. */
    readonly schemes: readonly string[];
    /** Whether credentials were sent. */
    readonly withCredentials: boolean;
  }
  /** The proxy answered something that is not HTTP, or too much of it. */
  | { readonly stage: "proxy-not-http"; readonly peer: string }
  | { readonly stage: "proxy-closed"; readonly peer: string }
  | { readonly stage: "proxy-timeout"; readonly peer: string; readonly timeoutMs: number }
  /** The tunnel was made, and broke. */
  | { readonly stage: "broken"; readonly peer: string; readonly os: OsError };

/** One failed connection. */
export interface ConnectionFailure {
  /** Who asked: the name of the HTTP client, its user name towards the relay. */
  readonly purpose: string;
  readonly host: string;
  readonly port: number;
  /** By proxy? */
  readonly byProxy: boolean;
  readonly cause: FailureCause;
}

/** What an error of the network says: the number stands only in the text, `(os error 111)`. */
export function osErrorOf(error: unknown): OsError {
  const text = errorText(error);
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
  const number = /\(os error (\d+)\)/.exec(text)?.[1];
  return {
    ...(code === undefined ? {} : { code }),
    ...(number === undefined ? {} : { number: Number(number) }),
    text: text.slice(0, 500),
  };
}
