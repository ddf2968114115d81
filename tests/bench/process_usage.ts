/** What a process takes: memory and processor time, from Linux's `/proc`. */

/** Memory of a process, in bytes. */
export interface Memory {
  /** All that is resident. */
  readonly resident: number;
  /** The part of it that is the process's own; the rest is the executable, shared and given back on demand. */
  readonly anonymous: number;
  /** The largest `resident` since the process was started or {@linkcode forgetPeak} was called. */
  readonly peak: number;
}

/** Linux counts processor time in hundredths of a second (USER_HZ). */
const ticksPerSecond = 100;

/** What the process has now. */
export async function memoryOf(pid: number): Promise<Memory> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) * 1024;
  return { resident: field("VmRSS"), anonymous: field("RssAnon"), peak: field("VmHWM") };
}

/** From here on a new peak is looked for. */
export async function forgetPeak(pid: number): Promise<void> {
  await Deno.writeTextFile(`/proc/${pid}/clear_refs`, "5");
}

/** What a process and its children have together, in bytes: pages that they share count once (PSS). */
export async function memoryOfTree(pid: number): Promise<number> {
  let bytes = 0;
  for (const each of [pid, ...await childrenOf(pid)]) {
    // A child may have ended since.
    const text = await Deno.readTextFile(`/proc/${each}/smaps_rollup`).catch(() => "");
    bytes += Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
  }
  return bytes;
}

async function childrenOf(pid: number): Promise<number[]> {
  const pids: number[] = [];
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const text = await Deno.readTextFile(`/proc/${pid}/task/${name}/children`).catch(() => "");
    pids.push(...text.split(" ").filter((part) => part !== "").map(Number));
  }
  return pids;
}

/** Processor time that the process has used, of all its threads, in seconds. */
export async function processorSeconds(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name, in parentheses, may hold spaces; user and system time are the 14th and 15th field.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
