/** Secrets through standard input, because every user of the machine can see arguments. */

/**
 * The first line of standard input; empty if there is none, or it is longer than `charactersMax`. Returns as soon as
 * the line has arrived.
 */
export async function readFirstLine({ charactersMax }: { charactersMax: number }): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of Deno.stdin.readable) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n") || text.length > charactersMax) break;
  }
  const [line = ""] = text.split(/\r?\n/);
  return line.length > charactersMax ? "" : line;
}
