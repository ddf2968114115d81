/**
 * Browsers in which a user has logged in before, told by a cookie: whoever guesses passwords from elsewhere cannot use
 * up their tries (OWASP, "Slow down online guessing attacks with device cookies").
 *
 * Nothing is stored: a token is a random id and an end, signed together with the user's id and password hash. A new
 * password therefore makes all of the user's browsers unknown.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../runtime/clock.ts";
import { newId } from "../ids.ts";
import { knownBrowserMs } from "../limits.ts";

interface StoredUser {
  readonly id: string;
  /** As it is stored. */
  readonly password: string;
}

/** Makes and checks tokens. */
export class KnownBrowsers {
  readonly #key: Uint8Array;
  readonly #clock: Clock;

  /** `key` may be used for other things too: what is signed here begins with a word of its own. */
  constructor(options: { key: Uint8Array; clock: Clock }) {
    this.#key = options.key;
    this.#clock = options.clock;
  }

  /** A token for the browser in which `user` has just logged in. */
  tokenFor(user: StoredUser): string {
    const claim = `${newId()}.${this.#clock.now() + knownBrowserMs}`;
    return `${claim}.${this.#sign(claim, user)}`;
  }

  /** Which browser of `user` it is; `undefined` for a token that is none, is another user's or is over. */
  idOf(token: string, user: StoredUser): string | undefined {
    const [id, end, signature, ...rest] = token.split(".");
    if (id === undefined || end === undefined || signature === undefined || rest.length > 0) return undefined;
    const given = new TextEncoder().encode(signature);
    const expected = new TextEncoder().encode(this.#sign(`${id}.${end}`, user));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    return Number(end) > this.#clock.now() ? id : undefined;
  }

  #sign(claim: string, { id, password }: StoredUser): string {
    return createHmac("sha256", this.#key).update(`known browser\n${claim}\n${id}\n${password}`).digest("base64url");
  }
}
