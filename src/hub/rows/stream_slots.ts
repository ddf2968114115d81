/** How many streams of rows may be open: each has a connection to the database, and keeps its log from being cut back. */
import { type Actor, HubProblem } from "../services.ts";

/** In all. */
const streamsMax = 16;
/** Of one user or token: whoever reads slowly or not at all leaves room for others. */
const streamsOfActorMax = 4;

/** Counts the open ones. */
export class StreamSlots {
  readonly #ofActor = new Map<string, number>();
  #all = 0;

  /** A place for one more, until what it returns is called; throws {@linkcode HubProblem} when there is none. */
  take(actor: Pick<Actor, "kind" | "id">): () => void {
    const key = `${actor.kind}:${actor.id}`;
    const own = this.#ofActor.get(key) ?? 0;
    if (own >= streamsOfActorMax) {
      throw new HubProblem(
        "too-many-requests",
        `You are reading rows ${own} times at once already. Try again when one of them has ended.`,
        { retryAfterSeconds: 60 },
      );
    }
    if (this.#all >= streamsMax) {
      throw new HubProblem("unavailable", "Too many are reading rows now. Try again in a minute.", {
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
