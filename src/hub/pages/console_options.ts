/** What the console's pages are given besides the hub's services. */
import type { Download } from "./components/downloads.tsx";

/** For `consolePages`. */
export interface ConsoleOptions {
  /** The installers and archives to offer; none: the pages say whom to ask. */
  readonly downloads?: readonly Download[] | undefined;
}
