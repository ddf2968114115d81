/** Finds the missing right on the way to a path, and the message that names it. Linux and its relatives only. */
import { dirname } from "node:path";

/**
 * Tests access as a certain user. `false`: that user is denied; a path that does not exist does not count as denied.
 */
export interface AccessProbe {
  /** Whether the folder can be traversed. */
  enter(folder: string): Promise<boolean>;
  /** Whether the file can be read, or the folder listed. */
  read(path: string): Promise<boolean>;
}

/** The obstacle. */
export interface MissingRight {
  /** The folder that cannot be traversed, or the path itself. */
  readonly path: string;
  readonly right: "enter" | "read";
}

/**
 * The first right missing for reading `path`, from the root downwards; `undefined` if none is.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const probe = { enter: (folder: string) => Promise.resolve(folder !== "/home/ann"), read: () => Promise.resolve(true) };
 * assertEquals(await missingRight("/home/ann/csv", probe), { path: "/home/ann", right: "enter" });
 * ```
 */
export async function missingRight(path: string, probe: AccessProbe): Promise<MissingRight | undefined> {
  for (const folder of ancestors(path)) {
    if (!await probe.enter(folder)) return { path: folder, right: "enter" };
  }
  return await probe.read(path) ? undefined : { path, right: "read" };
}

/**
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(ancestors("/srv/a/b"), ["/", "/srv", "/srv/a"]);
 * ```
 */
export function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [...ancestors(parent), parent];
}

/** What is missing and how to grant it, for a message. */
export function missingRightText({ path, right }: MissingRight, user: string): string {
  const may = right === "enter" ? "pass through" : "read";
  const mode = right === "enter" ? "o+x" : "o+rX";
  return `the user "${user}" may not ${may} "${path}". Allow it: setfacl -m u:${user}:${
    right === "enter" ? "x" : "rX"
  } ` +
    `"${path}" (or for all users: chmod ${mode} "${path}")`;
}

/** Tests as this process. */
export const ownProbe: AccessProbe = {
  // Looking up a name in a folder needs the same right as traversing it.
  enter: (folder) => allowed(() => Deno.lstat(`${folder}/.injixo-cloud-link-no-such-file`)),
  read: (path) =>
    allowed(async () => {
      if ((await Deno.stat(path)).isDirectory) { for await (const _ of Deno.readDir(path)) break; }
      else (await Deno.open(path)).close();
    }),
};

async function allowed(look: () => Promise<unknown>): Promise<boolean> {
  try {
    await look();
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false;
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
  }
  return true;
}
