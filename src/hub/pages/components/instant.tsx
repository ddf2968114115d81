/** A point in time: UTC as served, converted to the browser's own time zone where the script runs. */
import type { FC } from "hono/jsx";
import type { View } from "../view.ts";

/** An RFC 3339 instant. */
export const Instant: FC<{ view: View; at: string }> = ({ view, at }) => (
  <time datetime={at} data-local>{view.format.instant(new Date(at))}</time>
);
