/**
 * Passwords by scrypt (RFC 7914), stored as `scrypt$N$r$p$salt$hash` so that the cost can grow later. Each hash takes
 * memory and a thread, so only a few run at once and a limited number may wait.
 */
import { Buffer } from "node:buffer";
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { HubProblem } from "../services.ts";
import {
  passwordCharactersMax,
  passwordCharactersMin,
  passwordHashesAtOnce,
  passwordHashesWaitingMax,
} from "../limits.ts";
import { Turns } from "../turns.ts";

/** The cost of hashing: time grows with `n` times `p`, memory is `n` times `r` times 128 bytes. */
export interface PasswordCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** What OWASP recommends, at 32 MiB a hash. */
const defaultPasswordCost: PasswordCost = { n: 2 ** 15, r: 8, p: 3 };
const hashBytes = 32;
const memoryBytesMax = 128 * 1024 * 1024;

/** Hashes and compares. */
export class Passwords {
  readonly #cost: PasswordCost;
  readonly #turns = new Turns({ atOnce: passwordHashesAtOnce, waitingMax: passwordHashesWaitingMax });

  constructor(options: { cost?: PasswordCost | undefined } = {}) {
    this.#cost = options.cost ?? defaultPasswordCost;
  }

  /** What to store for `password`. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    const hash = await this.#derive(password, salt, this.#cost);
    const { n, r, p } = this.#cost;
    return ["scrypt", n, r, p, salt.toString("base64url"), hash.toString("base64url")].join("$");
  }

  /** Whether `password` is the stored one. With nothing stored it takes as long and returns false. */
  async matches(password: string, stored: string | undefined): Promise<boolean> {
    const [scheme, n, r, p, salt, hash] = (stored ?? "").split("$");
    if (scheme !== "scrypt" || salt === undefined || hash === undefined) {
      await this.#derive(password, new Uint8Array(16), this.#cost);
      return false;
    }
    const expected = new Uint8Array(Buffer.from(hash, "base64url"));
    const given = await this.#derive(password, new Uint8Array(Buffer.from(salt, "base64url")), {
      n: Number(n),
      r: Number(r),
      p: Number(p),
    });
    return expected.length === given.length && timingSafeEqual(expected, given);
  }

  async #derive(password: string, salt: Uint8Array, { n, r, p }: PasswordCost): Promise<Buffer> {
    using _turn = await this.#turns.take();
    return await new Promise<Buffer>((resolve, reject) =>
      scrypt(
        password.normalize("NFKC"),
        salt,
        hashBytes,
        { N: n, r, p, maxmem: memoryBytesMax },
        (error, key) => error === null ? resolve(key) : reject(error),
      )
    );
  }
}

/** Throws {@linkcode HubProblem} when a new password is too short or too long. */
export function checkNewPassword(password: string): void {
  if (password.length < passwordCharactersMin || password.length > passwordCharactersMax) {
    throw new HubProblem(
      "invalid-request",
      `Cannot use this password: it has ${password.length} characters. Use ${passwordCharactersMin} to ` +
        `${passwordCharactersMax}.`,
    );
  }
}
