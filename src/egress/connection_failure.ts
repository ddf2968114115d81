/**
 * What the relay knows about a failed connection: plain data, posted to the agent's worker. fetch does not say why a
 * connection failed; `Deno.connect` does.
 */
import { errorText } from "../runtime/error_text.ts";
import type { Destination } from "./allowed_hosts.ts";

/** The operating system's own error. */
export interface OsError {
  /** E.g. `ECONNREFUSED`; absent if the system gave only text. */
  readonly code?: string;
  /** E.g. 111 on Linux, 10061 on Windows. */
  readonly number?: number;
  /** The system's text (localised on Windows). */
  readonly text: string;
}

/** The cause. What was dialled is the proxy if there is one, else the destination. */
export type FailureCause =
  /** The destination is not allowed. */
  | { readonly stage: "forbidden" }
  /** Too many tunnels are open. */
  | { readonly stage: "limit"; readonly tunnelsMax: number }
  /** Its name could not be resolved. */
  | { readonly stage: "dns"; readonly os: OsError }
  | { readonly stage: "tcp"; readonly os: OsError }
  | { readonly stage: "tcp-timeout"; readonly timeoutMs: number }
  /** The proxy refused the tunnel. */
  | {
    readonly stage: "proxy-refused";
    readonly status: number;
    readonly statusLine: string;
    /** Schemes of `Proxy-Authenticate`. */
    readonly schemes: readonly string[];
    /** Whether credentials were sent. */
    readonly withCredentials: boolean;
  }
  /** The proxy answered something that is not HTTP, or too much of it. */
  | { readonly stage: "proxy-not-http" }
  | { readonly stage: "proxy-page" }
  | { readonly stage: "proxy-closed" }
  | { readonly stage: "proxy-timeout"; readonly timeoutMs: number }
  /** The tunnel was established, and then broke. */
  | { readonly stage: "broken"; readonly os: OsError };

/** One failed connection. */
export interface ConnectionFailure {
  /** Who asked: the name of the HTTP client, which is its user name at the relay. */
  readonly purpose: string;
  readonly host: string;
  readonly port: number;
  /** The proxy it went through, if any. Without its password. */
  readonly proxy?: Destination | undefined;
  readonly cause: FailureCause;
}

/** The details of a network error: its number appears only in the text, `(os error 111)`. */
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
