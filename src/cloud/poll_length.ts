/**
 * How long the next long poll waits. If something on the way (a proxy, a load balancer) cuts idle connections, polls
 * become shorter than that limit, and grow back slowly. Pure.
 */
import { assignmentWaitSecondsMax } from "../protocol/assignment.ts";

/** Polls never become shorter than this, in seconds. */
const pollSecondsMin = 5;
/** How much longer the next poll is after one that ended well, in seconds. */
const growthSeconds = 2;
/** Fraction of a discovered idle limit that is used. */
const margin = 0.8;

/** How a poll of `seconds` ended: whether it was answered, or cut after `afterMs`. */
export type PollEnd = { readonly state: "answered" } | { readonly state: "cut"; readonly afterMs: number };

/** The length of the poll after one of `seconds`. */
export function nextPollSeconds(seconds: number, end: PollEnd): number {
  if (end.state === "answered") return Math.min(seconds + growthSeconds, assignmentWaitSecondsMax);
  const survived = Math.floor(Math.min(seconds, end.afterMs / 1000) * margin);
  return Math.max(pollSecondsMin, survived);
}

/** Whether a poll that failed after `afterMs` was cut for being silent, rather than failing to connect. */
export function wasCut(afterMs: number): boolean {
  return afterMs >= (pollSecondsMin - 1) * 1000;
}
