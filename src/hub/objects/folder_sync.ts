/**
 * Syncs folders (fsync), so that names in them survive a power cut; callers that arrive during a sync share the next
 * one.
 */

/**
 * A caller that arrives during a sync waits for the next one: only that is sure to cover the names created before the
 * call.
 */
export class FolderSync {
  readonly #running = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Promise<void>>();

  /** When it resolves, every name that was in `folder` at the call is durable. */
  sync(folder: string): Promise<void> {
    const running = this.#running.get(folder);
    if (running === undefined) return this.#start(folder);
    // The running one may have started before the caller's rename: wait for the next.
    const next = this.#next.get(folder) ?? running.catch(() => {}).then(() => {
      this.#next.delete(folder);
      return this.#start(folder);
    });
    this.#next.set(folder, next);
    return next;
  }

  #start(folder: string): Promise<void> {
    const sync = syncFolder(folder).finally(() => {
      if (this.#running.get(folder) === sync) this.#running.delete(folder);
    });
    this.#running.set(folder, sync);
    return sync;
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (Deno.build.os === "windows") return; // Folders cannot be synced there, and NTFS journals names.
  using handle = await Deno.open(folder);
  await handle.sync();
}
