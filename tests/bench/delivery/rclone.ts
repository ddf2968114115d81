/** The peer that deliveries are measured beside: `rclone copy` from a folder to another on the same disk. */

/** Copies and returns the seconds that it took, start of the program included. */
export async function rcloneCopy(from: string, to: string): Promise<number> {
  const start = performance.now();
  const { success, stderr } = await new Deno.Command("rclone", {
    args: ["copy", from, to],
    stdin: "null",
    stdout: "null",
    env: { RCLONE_CONFIG: "/dev/null" },
  }).output();
  if (!success) throw new Error(`Cannot run rclone: ${new TextDecoder().decode(stderr)}`);
  return (performance.now() - start) / 1000;
}
