/**
 * How long the next long poll waits. Where something on the way (a proxy, a balancer) cuts what is silent for too long,
 * polls become shorter than that, and grow back slowly. Pure.
 */
import { assignmentWaitSecondsMax } from "../protocol/assignment.ts";

/** Polls never become shorter than this, in seconds. */
export const pollSecondsMin = 5;
/** A poll that ended well grows the next one by this, in seconds. */
const growthSeconds = 2;
/** What is left to an idle limit that was met, as a part of it. */
const margin = 0.8;

/** How a poll of `seconds` ended: whether it was answered, or cut after `afterMs`. */
export type PollEnd = { readonly state: "answered" } | { readonly state: "cut"; readonly afterMs: number };

/** The length of the poll after one of `seconds`. */
export function nextPollSeconds(seconds: number, end: PollEnd): number {
  if (end.state === "answered") return Math.min(seconds + growthSeconds, assignmentWaitSecondsMax);
  const survived = Math.floor(Math.min(seconds, end.afterMs / 1000) * margin);
  return Math.max(pollSecondsMin, survived);
}

/** Whether a poll that failed after `afterMs` was cut for being silent, and did not just fail to connect. */
export function wasCut(afterMs: number): boolean {
  return afterMs >= (pollSecondsMin - 1) * 1000;
}
