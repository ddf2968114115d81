/** What a process holds, and whether that has become more. */

/** What a process holds. */
export interface Holdings {
  readonly pid: number;
  /** Open files, pipes and the like. */
  readonly files: number;
  readonly connections: number;
  /** Resident memory of its own, in bytes: what it maps of files is read again when needed. */
  readonly memoryBytes: number;
}

/** So much more may be left: fewer files than times that something was done, idle connections, and unswept memory. */
const moreMax = { files: 2, connections: 4, memoryBytes: 40 * 1024 * 1024 };

/** What a running process holds now. */
export async function holdings(pid: number): Promise<Holdings> {
  const names = await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`), ({ name }) => name);
  // Some have been closed by the time that they are looked at.
  const open = await Promise.all(names.map((name) => Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => undefined)));
  const connections = open.filter((target) => target?.startsWith("socket:")).length;
  const files = open.filter((target) => target !== undefined).length - connections;
  const [, kibibytes] = /^RssAnon:\s+(\d+) kB$/m.exec(await Deno.readTextFile(`/proc/${pid}/status`)) ?? [];
  return { pid, files, connections, memoryBytes: Number(kibibytes) * 1024 };
}

/** What is too much more than before. */
export function leaked(before: Holdings, now: Holdings | undefined): string[] {
  if (now?.pid !== before.pid) return [`process ${before.pid} is gone`];
  const files = now.files - before.files;
  const connections = now.connections - before.connections;
  const memoryBytes = now.memoryBytes - before.memoryBytes;
  const more = (what: string) => `process ${now.pid} holds ${what} more than before`;
  return [
    ...files > moreMax.files ? [more(`${files} files`)] : [],
    ...connections > moreMax.connections ? [more(`${connections} connections`)] : [],
    ...memoryBytes > moreMax.memoryBytes ? [more(`${Math.round(memoryBytes / 1e6)} MB`)] : [],
  ];
}
