/** What the console's pages are given besides the hub's services. */
import type { Download } from "./components/downloads.tsx";

export interface ConsoleOptions {
  /** Ends the streams of the live pages, so that the hub can stop. */
  readonly signal: AbortSignal;
  /** The installers and archives to offer; none: no such section. */
  readonly downloads?: readonly Download[] | undefined;
}
