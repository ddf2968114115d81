/** Tells damage of an SQLite file from a disk that is full or cannot be read, after which the file may be whole. */

/**
 * Whether SQLite found the file itself to be damaged (SQLITE_CORRUPT, SQLITE_NOTADB; https://www.sqlite.org/rescode.html).
 * By the message: errors of `DatabaseSync.exec` have no code.
 *
 * @example
 * ```ts
 * import { assert } from "../../../tests/assert.ts";
 * assert(isDamage(new Error("database disk image is malformed")));
 * assert(!isDamage(new Error("malformed JSON")));
 * ```
 */
export function isDamage(error: unknown): boolean {
  return error instanceof Error &&
    /^(file is not a database|database disk image is malformed|malformed database schema)/.test(error.message);
}
