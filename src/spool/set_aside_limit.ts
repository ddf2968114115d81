/**
 * How much of what was set aside is kept: a hub that refuses everything must not fill the disk. The oldest goes first,
 * which is logged. Only batches count: anything else there (such as a whole state) is the administrator's concern.
 */
import { basename, join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { FileSystem } from "../durable/file_system.ts";

const log = getLogger(["cloud-link", "spool"]);

/** Total size of all batches set aside, in bytes. */
const setAsideBytesMax: number = 1024 * 1024 * 1024;
/** Maximum number of batches set aside. */
const setAsideBatchesMax = 10_000;

/** Suffix of a batch's folder name, as `makeSetAsideFolder` creates it. */
export const setAsideWhy = "batch";
const folderName = new RegExp(`^(.*Z)-${setAsideWhy}(?:\\.(\\d+))?$`);

/** A folder with one batch. */
interface Aside {
  readonly folder: string;
  readonly bytes: number;
}

/** The batches in `set-aside/`, counted once and tracked from then on. */
export class SetAsideLimit {
  readonly #setAside: string;
  readonly #fs: FileSystem;
  readonly #limits: { readonly bytesMax: number; readonly batchesMax: number };
  #found: Aside[] | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(
    setAside: string,
    options: {
      fs: FileSystem;
      /** @default {@linkcode setAsideBytesMax}, {@linkcode setAsideBatchesMax} */
      setAsideLimits?: { readonly bytesMax: number; readonly batchesMax: number };
    },
  ) {
    this.#setAside = setAside;
    this.#fs = options.fs;
    this.#limits = options.setAsideLimits ?? { bytesMax: setAsideBytesMax, batchesMax: setAsideBatchesMax };
  }

  /**
   * A batch was set aside in `folder`: removes the oldest ones above the limits, but never this one. One call after the
   * other: two would choose the same.
   */
  added(folder: string): Promise<void> {
    return this.#last = this.#last.catch(() => {}).then(() => this.#remove(folder));
  }

  async #remove(folder: string): Promise<void> {
    const found = this.#found ??= await this.#list();
    const name = basename(folder);
    // The list may have it already, as one that was set aside at the same time.
    if (!found.some((one) => one.folder === name)) found.push(await this.#measure(name));
    const { bytesMax, batchesMax } = this.#limits;
    let bytes = found.reduce((sum, one) => sum + one.bytes, 0);
    while (found.length > 1 && (bytes > bytesMax || found.length > batchesMax)) {
      const oldest = found[0] as Aside;
      await this.#fs.removeFolder(join(this.#setAside, oldest.folder));
      found.shift();
      bytes -= oldest.bytes;
      log.warn("Removed {folder}, the oldest batch that was set aside: there were more than are kept.", {
        folder: join(this.#setAside, oldest.folder),
      });
    }
  }

  /** Everything there, oldest first. */
  async #list(): Promise<Aside[]> {
    const names = (await this.#fs.list(this.#setAside)).map(({ name }) => name).filter((name) => folderName.test(name));
    const found: Aside[] = [];
    for (const name of names.toSorted(byAge)) found.push(await this.#measure(name));
    return found;
  }

  async #measure(folder: string): Promise<Aside> {
    const files = await this.#fs.list(join(this.#setAside, folder));
    return { folder, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
  }
}

function byAge(a: string, b: string): number {
  const [, dateA = "", numberA = "1"] = folderName.exec(a) ?? [];
  const [, dateB = "", numberB = "1"] = folderName.exec(b) ?? [];
  return dateA < dateB ? -1 : dateA > dateB ? 1 : Number(numberA) - Number(numberB);
}
