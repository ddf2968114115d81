/** One finding of `check`. */

/** Plain data: it is sent over the control channel, and `check --json` prints it as it is. */
export interface CheckLine {
  /** What was checked, e.g. `Proxy` or `Import folder`. */
  readonly name: string;
  readonly result: "ok" | "warning" | "failed";
  /** What was found. */
  readonly detail: string;
  /** What to do, when not `ok`. */
  readonly remedy?: string;
}
