/**
 * A power cut: what the programs under a folder have not synced is gone. Of the durable copy that shim.c keeps, the folder
 * is made anew: names as of the last sync of their folder, contents as of the last sync of the file. Names that were not
 * synced survive by chance, and so do the contents of files, since a real disk writes as it likes.
 */
import { join } from "node:path";

/** The folder, and its durable copy. */
export interface Durable {
  readonly root: string;
  readonly copy: string;
}

interface Name {
  readonly name: string;
  readonly isFolder: boolean;
  readonly inode: string;
}

/** All that is in the folder is durable. No program runs on it. */
export async function declareDurable({ root, copy }: Durable): Promise<void> {
  await Deno.remove(copy, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.mkdir(copy);
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const names = await namesIn(folder);
    const lines = names.map(({ name, isFolder, inode }) => `${isFolder ? "d" : "f"} ${inode} ${name}\n`);
    await Deno.writeTextFile(join(copy, `d${(await Deno.stat(folder)).ino}`), lines.join(""));
    for (const { name, isFolder, inode } of names) {
      const path = join(folder, name);
      if (isFolder) folders.push(path);
      else {
        await Deno.copyFile(path, join(copy, `f${inode}`));
        await Deno.link(path, join(copy, `h${inode}`));
      }
    }
  }
}

/** Leaves in the folder what a power cut leaves. No program runs on it. Returns how much was lost. */
export async function cutPower(
  durable: Durable,
  { random }: { random: () => number },
): Promise<{ readonly names: number; readonly contents: number }> {
  const { root } = durable;
  const rebuilt = `${root}.after`;
  const lost = { names: 0, contents: 0 };
  await rebuild(root, { to: rebuilt, durable, random, lost });
  await Deno.remove(root, { recursive: true });
  await Deno.rename(rebuilt, root);
  await declareDurable(durable);
  return lost;
}

interface Rebuilding {
  readonly to: string;
  readonly durable: Durable;
  readonly random: () => number;
  readonly lost: { names: number; contents: number };
}

async function rebuild(folder: string, { to, ...options }: Rebuilding): Promise<void> {
  const { durable, random, lost } = options;
  await Deno.mkdir(to, { mode: 0o700 });
  const present = await namesIn(folder).catch(() => []);
  const inode = await Deno.stat(folder).then(({ ino }) => String(ino));
  const recorded = await recordedNames(join(durable.copy, `d${inode}`));
  const names = new Map(recorded.map((entry) => [entry.name, entry]));
  for (const entry of present) {
    if (names.get(entry.name)?.inode === entry.inode) continue;
    if (random() < 0.5) names.set(entry.name, entry);
    else lost.names++;
  }
  for (const { name } of recorded) {
    if (!present.some((entry) => entry.name === name) && random() < 0.5) names.delete(name);
  }
  for (const entry of names.values()) {
    const target = join(to, entry.name);
    if (entry.isFolder) await rebuild(join(folder, entry.name), { to: target, ...options });
    else if (!await restore(entry, { target, copy: durable.copy, live: join(folder, entry.name), random })) {
      lost.contents++;
    }
  }
}

/** Writes the durable content of a file, nothing when there is none; by chance what was there. False when that is less. */
async function restore(
  { inode }: Name,
  { target, copy, live, random }: { target: string; copy: string; live: string; random: () => number },
): Promise<boolean> {
  const synced = await Deno.readFile(join(copy, `f${inode}`)).catch(() => new Uint8Array());
  const written = await Deno.stat(live).then(({ ino }) => String(ino) === inode, () => false)
    ? await Deno.readFile(live)
    : undefined;
  const same = written === undefined || Buffer.compare(synced, written) === 0;
  const whole = !same && random() < 0.25;
  await Deno.writeFile(target, whole ? written : synced, { mode: 0o600 });
  return same || whole;
}

async function namesIn(folder: string): Promise<Name[]> {
  const entries = (await Array.fromAsync(Deno.readDir(folder))).filter(({ isFile, isDirectory }) =>
    isFile || isDirectory
  );
  return await Promise.all(entries.map(async ({ name, isDirectory }) => {
    const { ino } = await Deno.lstat(join(folder, name));
    return { name, isFolder: isDirectory, inode: String(ino) };
  }));
}

async function recordedNames(path: string): Promise<Name[]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [kind = "", inode = "", ...name] = line.split(" ");
    return { name: name.join(" "), isFolder: kind === "d", inode };
  });
}
