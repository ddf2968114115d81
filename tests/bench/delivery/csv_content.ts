/** CSV content like a contact centre's, every file another. */

import { seededRandom } from "../../../src/runtime/seeded_random.ts";

const queues = ["Vertrieb", "Kundendienst", "Störungsannahme", "Rückfragen", "Buchhaltung"];
const encoder = new TextEncoder();
/** Content of large files repeats after so much, far beyond what zstd looks back at this level. */
const repeatBytes = 16 * 1024 * 1024;

/** At least `bytes` of rows, cut to that length; another `seed` gives another content. */
export function csvContent(bytes: number, { seed }: { seed: number }): Uint8Array<ArrayBuffer> {
  const random = seededRandom(seed);
  let text = `queueidentifier;queuename;timestamp;offered;answered;handlingtime\r\nseed;${seed};;;;\r\n`;
  for (let row = 0; text.length < bytes; row++) {
    const queue = Math.floor(random() * queues.length);
    const offered = Math.floor(random() * 90);
    const answered = Math.floor(offered * (0.7 + 0.3 * random()));
    const minute = (row * 15) % (24 * 60);
    const time = `2025-03-${two(1 + Math.floor(row / 96) % 28)} ${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
    text += `${100 + queue};${queues[queue]};${time};${offered};${answered};${
      Math.floor(answered * 400 * random())
    }\r\n`;
  }
  return encoder.encode(text).slice(0, bytes);
}

/** Writes a file of that content and syncs nothing. */
export async function writeLargeCsv(path: string, options: { bytes: number; seed: number }): Promise<void> {
  const block = csvContent(repeatBytes, { seed: options.seed });
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  for (let left = options.bytes; left > 0;) {
    const piece = block.subarray(0, Math.min(left, block.length));
    for (let written = 0; written < piece.length;) written += await file.write(piece.subarray(written));
    left -= piece.length;
  }
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
