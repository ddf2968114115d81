/**
 * Local time of a database, exactly.
 *
 * Timestamps without a zone are wall-clock readings in the database's IANA zone. Twice a year the clock jumps: readings
 * inside a gap never happen, readings inside a fold happen twice. A reading is mapped to an instant like Temporal's
 * "compatible" does (and java.time, and the hub): in a fold to the earlier of the two, in a gap as far after the jump
 * as the reading lies inside the gap.
 *
 * So that cutting time into windows loses and doubles no row, an edge is never placed where this mapping is not
 * monotone, nor where its own reading is ambiguous or impossible, since databases differ in what they make of those: not
 * from the beginning of a fold until its end (both passes are read whole, in one window), and not from a gap until its
 * length after it. {@linkcode settleEdge} moves such an edge out. For windows between settled edges then holds: a reading
 * lies between the edges' readings exactly when its instant lies between the edges.
 *
 * Wall-clock readings are numbers here: `wallMs` is the ms since the epoch that the same reading has in UTC.
 */

const minuteMs = 60_000;
/** No zone has more jumps than this within reach of one another. */
const settleRoundsMax = 4;

/** Whether the runtime knows this IANA name. */
export function isTimeZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    // Temporal accepts an offset like "+01:00", but it has no rules and is not a database's zone.
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}

/** The wall-clock reading at an instant. */
export function wallOfInstant(ms: number, timeZone: string): number {
  return ms + offsetMs(ms, timeZone);
}

/**
 * The instant of a wall-clock reading.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * // 02:30 came twice on this day: the first is meant.
 * const wallMs = Date.UTC(2026, 9, 25, 2, 30);
 * assertEquals(instantOfWall(wallMs, "Europe/Berlin"), Date.UTC(2026, 9, 25, 0, 30));
 * ```
 */
export function instantOfWall(wallMs: number, timeZone: string): number {
  return Temporal.Instant.fromEpochMilliseconds(wallMs).toZonedDateTimeISO("UTC").toPlainDateTime()
    .toZonedDateTime(timeZone, { disambiguation: "compatible" }).epochMilliseconds;
}

/**
 * Moves an edge out of folds and the time after gaps, `towards` the nearest place where windows may be cut: `later` to
 * their end, `earlier` to `minutes` before their beginning.
 */
export function settleEdge(
  ms: number,
  options: { timeZone: string; minutes: number; towards: "earlier" | "later" },
): number {
  let edge = ms;
  for (let round = 0; round < settleRoundsMax; round++) {
    const span = jumpsAround(edge, options.timeZone).map(uncuttable).find(([from, to]) => from <= edge && edge < to);
    if (!span) return edge;
    edge = options.towards === "earlier" ? span[0] - options.minutes * minuteMs : span[1];
  }
  return edge;
}

/** The last settled edge at or before an instant whose reading is a multiple of `minutes` since midnight. */
export function edgeAtOrBefore(ms: number, options: { timeZone: string; minutes: number }): number {
  const { timeZone } = options;
  const edge = instantOfWall(floorTo(wallOfInstant(ms, timeZone), options.minutes), timeZone);
  return settleEdge(edge, { ...options, towards: "earlier" });
}

/** The first settled edge at or after an instant whose reading is a multiple of `minutes` since midnight. */
export function edgeAtOrAfter(ms: number, options: { timeZone: string; minutes: number }): number {
  const { timeZone, minutes } = options;
  const wallMs = wallOfInstant(ms, timeZone);
  const floor = floorTo(wallMs, minutes);
  const edge = floor === wallMs ? ms : instantOfWall(floor + minutes * minuteMs, timeZone);
  return Math.max(settleEdge(edge, { ...options, towards: "later" }), ms);
}

/**
 * A reading as SQL writes it, `2026-10-25 02:30:00`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(wallText(Date.UTC(2026, 9, 25, 2, 30)), "2026-10-25 02:30:00");
 * ```
 */
export function wallText(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 19).replace("T", " ");
}

interface Jump {
  readonly atMs: number;
  /** How far the clock is put forward (a gap) or, if negative, back (a fold). */
  readonly byMs: number;
}

/** The span around a jump, from inclusive, to exclusive, in which no window may be cut. */
function uncuttable(jump: Jump): [fromMs: number, toMs: number] {
  return jump.byMs > 0 ? [jump.atMs, jump.atMs + jump.byMs] : [jump.atMs + jump.byMs, jump.atMs - jump.byMs];
}

function jumpsAround(ms: number, timeZone: string): Jump[] {
  const here = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(timeZone);
  const nearest = [here.add({ milliseconds: 1 }).getTimeZoneTransition("previous"), here.getTimeZoneTransition("next")];
  return nearest.flatMap((transition) => {
    if (!transition) return [];
    const atMs = transition.epochMilliseconds;
    return [{ atMs, byMs: offsetMs(atMs, timeZone) - offsetMs(atMs - 1, timeZone) }];
  });
}

function offsetMs(ms: number, timeZone: string): number {
  return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(timeZone).offsetNanoseconds / 1e6;
}

function floorTo(wallMs: number, minutes: number): number {
  const dayMs = 24 * 60 * minuteMs;
  const step = minutes * minuteMs;
  // Steps of more than a day count from the epoch.
  const midnight = step >= dayMs ? 0 : Math.floor(wallMs / dayMs) * dayMs;
  return midnight + Math.floor((wallMs - midnight) / step) * step;
}
