/** Output of commands. A reader that has gone (`… | head`) is not an error. */

const encoder = new TextEncoder();

/** Writes one line to standard output. */
export function print(line: string): void {
  write(Deno.stdout, `${line}\n`);
}

/** Writes one line to standard error. */
export function printError(line: string): void {
  write(Deno.stderr, `${line}\n`);
}

/** Writes a value to standard output as JSON. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Replaces the current line of a terminal; empty text clears it. */
export function rewriteLine(text: string): void {
  write(Deno.stderr, `\r\u001b[K${text}`);
}

function write(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let written = 0; written < bytes.length;) written += to.writeSync(bytes.subarray(written));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
