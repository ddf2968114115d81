/** Secrets by standard input: arguments are seen by every user of the machine. */

/**
 * The first line of standard input; empty when there is none, or it is longer than `charactersMax`. Returns as soon as
 * the line is there.
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
