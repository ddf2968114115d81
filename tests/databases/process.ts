/** What the test servers share: running a command, a free port, a user that a server agrees to run as. */

/** Runs a command to its end and returns what it printed; fails with its error output. */
export async function run(
  command: readonly string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    args,
    env: options.env ?? {},
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    cwd: "/",
  }).spawn();
  if (options.input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.input));
    await writer.close();
  }
  const { success, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr)}${text}`);
  return text;
}

/** Database servers refuse to run as root: gives the folder to their own user and the command prefix that runs as it. */
export async function asServiceUser(user: string, directory: string): Promise<{ prefix: string[] }> {
  if (Deno.uid() !== 0) return { prefix: [] };
  await run(["chown", "-R", `${user}:`, directory]);
  await run(["chmod", "755", directory]);
  return { prefix: ["runuser", "-u", user, "--"] };
}
