/**
 * Live updates for the console as server-sent events: `integration` with the integration's JSON at the start and after
 * every change (an import, a link, a report), `gone` when it was deleted. Ends after a while; browsers reconnect. Also
 * ends before the next event if the session or API token has ended: a removed user sees nothing more.
 */
import { systemClock } from "../../runtime/clock.ts";
import { importsTopic, statusTopic } from "../agents/topics.ts";
import { ends } from "../ends.ts";
import { eventSpacingMs, eventStreamMs, eventStreamsMax } from "../limits.ts";
import { type Actor, HubProblem, type HubServices } from "../services.ts";

/** Interval of comment lines that keep proxies from cutting the connection, in ms. */
const heartbeatMs = 20_000;

type Needed = Pick<HubServices, "integrations" | "changes">;

/** Whom a stream is for. */
export interface StreamOptions {
  /**
   * Looks up the caller, again before each event; throws {@linkcode HubProblem} when the caller is no longer
   * authorized.
   */
  readonly findActor: () => Promise<Actor>;
  readonly integrationId: string;
  readonly signal: AbortSignal;
}

/** The open streams of this process, whose number is limited ({@linkcode eventStreamsMax}). */
export class EventStreams {
  readonly #services: Needed;
  /** Ends every stream when the hub stops. */
  readonly #stop: AbortSignal;
  #open = 0;

  constructor(services: Needed, options: { stop: AbortSignal }) {
    this.#services = services;
    this.#stop = options.stop;
  }

  async open(actor: Actor, options: StreamOptions): Promise<Response> {
    // Refuses what the actor may not see before the stream starts.
    await this.#services.integrations.get(actor, options.integrationId);
    if (this.#open >= eventStreamsMax) {
      throw new HubProblem("unavailable", "Too many pages are watching. Reload later.", { retryAfterSeconds: 60 });
    }
    const events = this.#events(options);
    const body = ReadableStream.from(events).pipeThrough(new TextEncoderStream());
    return new Response(body, {
      headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform" },
    });
  }

  async *#events({ findActor, integrationId, signal }: StreamOptions): AsyncGenerator<string, void, undefined> {
    using end = ends([signal, this.#stop], { afterMs: eventStreamMs });
    this.#open++;
    try {
      let last = "";
      while (!end.signal.aborted) {
        using until = ends([end.signal], { afterMs: heartbeatMs });
        const changed = Promise.race([
          this.#services.changes.next(integrationId, until.signal),
          this.#services.changes.next(statusTopic(integrationId), until.signal),
          this.#services.changes.next(importsTopic(integrationId), until.signal),
        ]);
        const actor = await unlessRefused(findActor());
        if (actor === undefined) return;
        const data = await unlessRefused(this.#services.integrations.get(actor, integrationId));
        if (data === undefined) {
          yield "event: gone\ndata: {}\n\n";
          return;
        }
        const text = JSON.stringify(data);
        yield text === last ? ":\n\n" : `event: integration\ndata: ${text}\n\n`;
        last = text;
        await changed;
        await systemClock.sleep(eventSpacingMs, end.signal).catch(() => {});
      }
    } finally {
      this.#open--;
    }
  }
}

/** What `asked` resolves to; `undefined` if it is refused. */
async function unlessRefused<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof HubProblem) return undefined;
    throw error;
  }
}
