/** Printing for people: standard output, one place. */

const encoder = new TextEncoder();

/** Prints a line to standard output. */
export function say(line: string): void {
  let bytes = encoder.encode(`${line}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}
