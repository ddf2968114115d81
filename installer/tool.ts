/** Runs a program of the build. */

/** Runs it to completion and returns its output. If it fails, throws with what it printed. */
export async function runTool(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null", ...options })
    .output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  const said = `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trim();
  throw new Error(`Cannot run "${program} ${args.slice(0, 3).join(" ")} …": ${said.slice(-4000)}`);
}
