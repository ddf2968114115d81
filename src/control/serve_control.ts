/** The agent's end of the control channel: HTTP for the commands `status`, `pin` and `check` on the same machine. */
import { timingSafeEqual } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import type { CheckLine } from "./check_line.ts";
import { type ControlAddress, controlAddress, type ControlPort, tokenHeader } from "./control_address.ts";
import type { AgentStatus, PinOffer } from "./status.ts";
import { anySignal } from "../runtime/any_signal.ts";
import { errorText } from "../runtime/error_text.ts";
import { ignoreMissing } from "../runtime/ignore_missing.ts";

const log = getLogger(["cloud-link", "control"]);

/** How the running agent answers. Error messages are shown to the caller. */
export interface ControlHandlers {
  status(): AgentStatus;
  /** A valid PIN: the one already shown, or a new one. */
  pin(signal: AbortSignal): Promise<PinOffer>;
  /**
   * Accepts a query that was changed in the hub.
   *
   * @throws when no such query waits
   */
  accept(fingerprint: string): void;
  /** Runs the checks with the agent's own rights and environment. */
  check(signal: AbortSignal): Promise<readonly CheckLine[]>;
}

/** Where the channel is opened and until when. */
export interface ServeControlOptions {
  /** Must exist; only its owner may read it. */
  readonly stateFolder: string;
  /** Ends the channel. */
  readonly signal: AbortSignal;
  /** @default depends on the system and the length of the path */
  readonly address?: ControlAddress;
}

/**
 * Opens the channel. Disposing it, or the signal, ends it and removes the socket.
 *
 * @throws if another agent answers there
 */
export async function serveControl(handlers: ControlHandlers, options: ServeControlOptions): Promise<AsyncDisposable> {
  const { stateFolder, signal, address = controlAddress(stateFolder) } = options;
  const ended = new AbortController();
  const either = anySignal(signal, ended.signal);
  const server = address.kind === "socket"
    ? await serveSocket(handlers, { path: address.path, signal: either.signal })
    : await servePort(handlers, { file: address.file, signal: either.signal });
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      either[Symbol.dispose]();
      await server.finished;
      await removeIfThere(address.kind === "socket" ? address.path : address.file);
    },
  };
}

interface Serving {
  readonly signal: AbortSignal;
}

async function serveSocket(handlers: ControlHandlers, options: Serving & { path: string }) {
  const { path, signal } = options;
  await removeStaleSocket(path);
  const server = Deno.serve({ path, signal, onListen: () => {} }, (request) => answer(request, { handlers, signal }));
  await Deno.chmod(path, 0o600);
  return server;
}

async function servePort(handlers: ControlHandlers, options: Serving & { file: string }) {
  const { file, signal } = options;
  const token = crypto.getRandomValues(new Uint8Array(32)).toHex();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, signal, onListen: () => {} }, (request) => {
    if (!sameToken(request.headers.get(tokenHeader) ?? "", token)) return new Response(null, { status: 403 });
    return answer(request, { handlers, signal });
  });
  await removeIfThere(file);
  const content: ControlPort = { port: server.addr.port, token };
  await Deno.writeTextFile(file, JSON.stringify(content), { createNew: true, mode: 0o600 });
  return server;
}

async function answer(
  request: Request,
  { handlers, signal }: { handlers: ControlHandlers; signal: AbortSignal },
): Promise<Response> {
  using either = anySignal(request.signal, signal);
  const caller = either.signal;
  const url = new URL(request.url);
  try {
    switch (`${request.method} ${url.pathname}`) {
      case "GET /status":
        return Response.json(handlers.status());
      case "POST /pin":
        return Response.json(await handlers.pin(caller));
      case "POST /accept":
        handlers.accept(url.searchParams.get("fingerprint") ?? "");
        return Response.json({});
      case "POST /check":
        return Response.json(await handlers.check(caller));
      default:
        return Response.json({ error: "This agent does not know the command. Is it an older version?" }, {
          status: 404,
        });
    }
  } catch (error) {
    const message = errorText(error);
    if (!caller.aborted) log.info("Cannot answer a command: {message}", { message });
    return Response.json({ error: message }, { status: 500 });
  }
}

/** A socket that nobody answers on was left by an agent that was killed. */
async function removeStaleSocket(path: string): Promise<void> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    await removeIfThere(path);
    return;
  }
  throw new Error(
    `Cannot open the control channel "${path}": another agent answers there. Only one may run in a folder: stop it first`,
  );
}

async function removeIfThere(path: string): Promise<void> {
  await Deno.remove(path).catch(ignoreMissing);
}

function sameToken(given: string, expected: string): boolean {
  const encoder = new TextEncoder();
  const [a, b] = [encoder.encode(given), encoder.encode(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
