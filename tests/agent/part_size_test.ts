import { type PartSize, partSizeAfter, partSizeAfterFailure, partSizeFirst } from "../../src/agent/part_size.ts";
import { assert, assertEquals } from "../assert.ts";

/** Sends that many bytes over a line that breaks regularly, and returns how much was sent in vain, as a part of them. */
function sendOver(
  line: { bytesPerMs: number; breakEveryMs: number },
  bytes: number,
): { wasted: number; size: PartSize } {
  let size = partSizeFirst;
  let [sent, wasted, nowMs, breakAtMs] = [0, 0, 0, line.breakEveryMs];
  while (sent < bytes) {
    const ms = size.bytes / line.bytesPerMs;
    if (nowMs + ms <= breakAtMs) {
      sent += size.bytes;
      nowMs += ms;
      size = partSizeAfter(size, { bytes: size.bytes, ms });
    } else {
      wasted += (breakAtMs - nowMs) * line.bytesPerMs;
      nowMs = breakAtMs;
      breakAtMs += line.breakEveryMs;
      size = partSizeAfterFailure(size);
    }
  }
  return { wasted: wasted / bytes, size };
}

Deno.test("on a line that breaks every ten seconds little is sent twice, however fast it is", () => {
  for (const megabitsPerSecond of [1, 2, 5, 10, 100]) {
    for (const breakEveryMs of [10_000, 9_100, 11_300]) {
      const { wasted } = sendOver({ bytesPerMs: megabitsPerSecond * 125, breakEveryMs }, 200_000_000);
      assert(wasted < 0.15, `${megabitsPerSecond} Mbit/s: ${(wasted * 100).toFixed(1)}%`);
    }
  }
});

Deno.test("on a line that does not break parts take four seconds, within their limits", () => {
  const at = (bytesPerMs: number) => sendOver({ bytesPerMs, breakEveryMs: Infinity }, 100_000_000).size.bytes;
  assertEquals([at(10), at(100), at(200), at(10_000)], [64, 384, 768, 1024].map((kib) => kib * 1024));
});
