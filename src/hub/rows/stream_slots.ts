/**
 * Limits the number of open row streams: each has a connection to the database, and keeps its log from being truncated.
 */
import { type Actor, HubProblem } from "../services.ts";

/** In total. */
const streamsMax = 16;
/** Per user or token: slow readers leave room for others. */
const streamsOfActorMax = 4;

/** Counts the open ones. */
export class StreamSlots {
  readonly #ofActor = new Map<string, number>();
  #all = 0;

  /** Takes a slot until the returned function is called; throws {@linkcode HubProblem} if none is free. */
  take(actor: Pick<Actor, "kind" | "id">): () => void {
    const key = `${actor.kind}:${actor.id}`;
    const own = this.#ofActor.get(key) ?? 0;
    if (own >= streamsOfActorMax) {
      throw new HubProblem(
        "too-many-requests",
        `You are already reading rows ${own} times at once. Try again when one of them has finished.`,
        { retryAfterSeconds: 60 },
      );
    }
    if (this.#all >= streamsMax) {
      throw new HubProblem("unavailable", "Too many users are reading rows now. Try again in a minute.", {
        retryAfterSeconds: 60,
      });
    }
    this.#all++;
    this.#ofActor.set(key, own + 1);
    return () => {
      this.#all--;
      const left = (this.#ofActor.get(key) ?? 0) - 1;
      if (left > 0) this.#ofActor.set(key, left);
      else this.#ofActor.delete(key);
    };
  }
}
