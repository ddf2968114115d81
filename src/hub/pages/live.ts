/**
 * Tells an open integration's page that something changed, by server-sent events; the page's script then fetches the
 * page again and puts the new parts in place.
 *
 * `changed` carries the number of new imports in the user's words, `gone` says that the integration or the session is
 * no more.
 */
import { Hono } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { type ConsoleEnv, requireSession } from "../console_session.ts";
import { HubProblem, type HubServices, type Integration } from "../services.ts";
import { readSessionCookie } from "../session_cookie.ts";
import type { ConsoleOptions } from "./console_options.ts";
import { pathParameter } from "./form.ts";
import { paths } from "./paths.ts";
import { createView } from "./view.ts";

/** How often the state is looked at without a change (it also ages by itself), and the stream kept alive, in ms. */
const lookMs = 15_000;
/** Shortest time between two events, so that a burst of imports is one, in ms. */
const settleMs = 250;
/** After this long the browser connects anew, in ms. */
const streamMsMax = 30 * 60_000;

/** `/account/integrations/{id}/live`. */
export function liveRoutes(services: HubServices, console: ConsoleOptions): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  app.get(`${paths.integrations}/:id/live`, requireSession(services), async (context) => {
    const id = pathParameter(context, "id");
    const { actor } = context.var;
    const view = createView(context, context.var.session);
    const secret = readSessionCookie(context, services) ?? "";
    const seen = await services.integrations.get(actor, id);
    context.header("X-Accel-Buffering", "no");
    return streamSSE(context, async (stream) => {
      using ending = new Ending(stream, console.signal);
      const look = async () => {
        if (await services.sessions.find(secret) === undefined) return undefined;
        return await present(() => services.integrations.get(actor, id));
      };
      await stream.writeSSE({ event: "ready", data: "" });
      await follow({ seen, look, stream, signal: ending.signal, changes: services.changes, view });
    });
  });
  return app;
}

/** Aborted when the browser leaves, the hub stops or the stream has lasted long enough. */
class Ending implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly signal: AbortSignal;

  constructor(stream: SSEStreamingApi, stop: AbortSignal) {
    this.#timer = setTimeout(() => this.#controller.abort(), streamMsMax);
    stream.onAbort(() => this.#controller.abort());
    this.signal = AbortSignal.any([this.#controller.signal, stop]);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}

interface Following {
  readonly seen: Integration;
  readonly look: () => Promise<Integration | undefined>;
  readonly stream: SSEStreamingApi;
  readonly signal: AbortSignal;
  readonly changes: HubServices["changes"];
  readonly view: ReturnType<typeof createView>;
}

async function follow({ seen, look, stream, signal, changes, view }: Following): Promise<void> {
  let before = seen;
  while (!signal.aborted) {
    // Waiting starts before looking, so that no change falls in between.
    using round = new Round(signal);
    const change = changes.next(before.id, round.signal);
    const now = await look();
    if (now === undefined) return await stream.writeSSE({ event: "gone", data: "" });
    if (fingerprint(now) !== fingerprint(before)) {
      const count = now.importCount - before.importCount;
      const message = count > 0 ? view.messages.importsNew({ count, number: view.format.number(count) }) : "";
      await stream.writeSSE({ event: "changed", data: message });
      before = now;
      await round.pause(settleMs);
    } else {
      await Promise.race([change, round.pause(lookMs)]);
      // A comment that keeps what lies in between from closing the connection.
      await stream.write(":\n\n");
    }
    round.end();
    await change;
  }
}

/** One wait, that ends with its round. */
class Round implements Disposable {
  readonly #controller = new AbortController();
  readonly signal: AbortSignal;

  constructor(outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.#controller.signal]);
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        this.signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.signal.addEventListener("abort", done, { once: true });
    });
  }

  end(): void {
    this.#controller.abort();
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

/** All of it that the page shows, without the time of the last sign of life, which changes all the time. */
function fingerprint({ installation, ...integration }: Integration): string {
  return JSON.stringify([integration, installation && { ...installation, lastSeenAt: null }]);
}

async function present<T>(get: () => Promise<T>): Promise<T | undefined> {
  try {
    return await get();
  } catch (error) {
    if (error instanceof HubProblem && error.code === "not-found") return undefined;
    throw error;
  }
}
