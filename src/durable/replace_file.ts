/** Replaces a small file so that at any instant, even after a power cut, it has either the old or the new content. */
import { basename, dirname, join } from "node:path";
import type { FileSystem } from "./file_system.ts";

/**
 * Replaces (or creates) the file `path` with `content`, mode 0600. When it resolves the new content is durable.
 *
 * @throws the disk's error; the old content is then untouched.
 */
export async function replaceFile(
  path: string,
  content: Uint8Array | string,
  options: { fs: FileSystem },
): Promise<void> {
  const { fs } = options;
  const folder = dirname(path);
  const draft = join(folder, `.${basename(path)}.new`);
  await fs.remove(draft);
  try {
    using file = await fs.create(draft);
    await file.write(typeof content === "string" ? new TextEncoder().encode(content) : content);
    await file.sync();
  } catch (error) {
    await fs.remove(draft);
    throw error;
  }
  await fs.rename(draft, path);
  await fs.syncFolder(folder);
}
