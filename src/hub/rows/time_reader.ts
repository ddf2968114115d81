/**
 * Converts a batch's times, in the database's own zone or with an offset, to ms since the epoch; fast enough for
 * millions.
 */
import { parseTime } from "../../database/parse_time.ts";
import { instantOfWall } from "../../source/time_zone.ts";

/** Wall-clock offsets are looked up in blocks of this length, in ms. */
const blockMs = 15 * 60_000;
/** How many blocks are remembered: two months. */
const blocksMax = 6000;

/** Reads one time; NaN if it is not one. */
export type TimeReader = (text: string) => number;

/** For times without an offset, in `timeZone`. Fractions of a ms are truncated. */
export function timeReader(timeZone: string): TimeReader {
  const offsets = new Map<number, number>();
  let lastText = "";
  let lastMs = NaN;
  return (text) => {
    // Rows of one interval are consecutive.
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

  /** The offset of the clock throughout a block; NaN if it changes within it. */
  function blockOffset(block: number): number {
    const first = block * blockMs;
    const last = first + blockMs - 1;
    const offset = first - instantOfWall(first, timeZone);
    return last - instantOfWall(last, timeZone) === offset ? offset : NaN;
  }
}
