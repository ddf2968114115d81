/** Whether something is there. */

/** Whether the path leads to anything that this process can see. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
