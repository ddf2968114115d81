/**
 * Live updates for the console as server-sent events: `integration` with the integration's JSON at the start and after
 * every change (an import, a link, a report), `gone` when it was deleted. Ends after a while; browsers come back.
 */
import { systemClock } from "../runtime/clock.ts";
import { importsTopic, statusTopic } from "./topics.ts";
import { ends } from "./ends.ts";
import { eventSpacingMs, eventStreamMs, eventStreamsMax } from "./limits.ts";
import { type Actor, HubProblem, type HubServices } from "./services.ts";

/** A comment line this often keeps proxies from cutting the connection, in ms. */
const heartbeatMs = 20_000;

type Needed = Pick<HubServices, "integrations" | "changes">;

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

  async open(actor: Actor, options: { integrationId: string; signal: AbortSignal }): Promise<Response> {
    // Refuses what the actor may not see before the stream begins.
    await this.#services.integrations.get(actor, options.integrationId);
    if (this.#open >= eventStreamsMax) {
      throw new HubProblem("unavailable", "Too many pages are watching. Reload later.", { retryAfterSeconds: 60 });
    }
    const events = this.#events(actor, options);
    const body = ReadableStream.from(events).pipeThrough(new TextEncoderStream());
    return new Response(body, {
      headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform" },
    });
  }

  async *#events(
    actor: Actor,
    { integrationId, signal }: { integrationId: string; signal: AbortSignal },
  ): AsyncGenerator<string, void, undefined> {
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
        const data = await this.#data(actor, integrationId);
        if (data === undefined) {
          yield "event: gone\ndata: {}\n\n";
          return;
        }
        yield data === last ? ":\n\n" : `event: integration\ndata: ${data}\n\n`;
        last = data;
        await changed;
        await systemClock.sleep(eventSpacingMs, end.signal).catch(() => {});
      }
    } finally {
      this.#open--;
    }
  }

  async #data(actor: Actor, integrationId: string): Promise<string | undefined> {
    try {
      return JSON.stringify(await this.#services.integrations.get(actor, integrationId));
    } catch (error) {
      if (error instanceof HubProblem && error.code === "not-found") return undefined;
      throw error;
    }
  }
}
