/**
 * Browsers in which a user has logged in before, recognised by a cookie: someone guessing passwords elsewhere cannot
 * use up their attempts (OWASP, "Slow down online guessing attacks with device cookies").
 *
 * Nothing is stored: a token is a random id and an expiry time, signed together with the user's id and password hash. A
 * new password therefore makes all of the user's browsers unknown.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../runtime/clock.ts";
import { newId } from "../ids.ts";
import { knownBrowserMs } from "../limits.ts";

interface StoredUser {
  readonly id: string;
  /** As stored. */
  readonly password: string;
}

/** Makes and checks tokens. */
export class KnownBrowsers {
  readonly #key: Uint8Array;
  readonly #clock: Clock;

  /** `key` may serve other purposes too: what is signed here starts with a prefix of its own. */
  constructor(options: { key: Uint8Array; clock: Clock }) {
    this.#key = options.key;
    this.#clock = options.clock;
  }

  /** A token for the browser in which `user` has just logged in. */
  tokenFor(user: StoredUser): string {
    const claim = `${newId()}.${this.#clock.now() + knownBrowserMs}`;
    return `${claim}.${this.#sign(claim, user)}`;
  }

  /** The id of `user`'s browser; `undefined` for a token that is invalid, another user's or expired. */
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
