/** Runs another command of this program and captures its output. */
import { ownCommand } from "../runtime/own_command.ts";

/** Its output, standard output first, and its exit code as the last line if that is not 0. */
export async function runOwnCommand(
  args: readonly string[],
  { cwd, env, signal }: { cwd: string; env: Readonly<Record<string, string>>; signal: AbortSignal },
): Promise<string> {
  const { path, args: first } = ownCommand();
  const { code, stdout, stderr } = await new Deno.Command(path, {
    args: [...first, ...args],
    cwd,
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    signal,
  }).output();
  const decoder = new TextDecoder();
  const end = code === 0 ? "" : `(exit code ${code})\n`;
  return `${decoder.decode(stdout)}${decoder.decode(stderr)}${end}`;
}
