/** Times of a batch, in the database's own zone or with an offset, to ms since the epoch: millions of them. */
import { parseTime } from "../../database/parse_time.ts";
import { instantOfWall } from "../../source/time_zone.ts";

/** Wall-clock time is looked up in blocks of this length, in ms. */
const blockMs = 15 * 60_000;
/** Blocks that are remembered: two months. */
const blocksMax = 6000;

/** Reads one time; NaN when it is none. */
export type TimeReader = (text: string) => number;

/** For readings without an offset in `timeZone`. Fractions of a ms are cut. */
export function timeReader(timeZone: string): TimeReader {
  const offsets = new Map<number, number>();
  let lastText = "";
  let lastMs = NaN;
  return (text) => {
    // Rows of one interval follow each other.
    if (text === lastText) return lastMs;
    const time = parseTime(text);
    lastText = text;
    lastMs = time === undefined ? NaN : Math.floor(time.hasOffset ? time.ms : instant(time.ms));
    return lastMs;
  };

  function instant(wallMs: number): number {
    const block = Math.floor(wallMs / blockMs);
    let offset = offsets.get(block);
    if (offset === undefined) {
      offset = blockOffset(block);
      if (offsets.size >= blocksMax) offsets.clear();
      offsets.set(block, offset);
    }
    return Number.isNaN(offset) ? instantOfWall(Math.floor(wallMs), timeZone) : wallMs - offset;
  }

  /** By how much the clock is ahead all through a block; NaN when that changes within it. */
  function blockOffset(block: number): number {
    const first = block * blockMs;
    const last = first + blockMs - 1;
    const offset = first - instantOfWall(first, timeZone);
    return last - instantOfWall(last, timeZone) === offset ? offset : NaN;
  }
}
