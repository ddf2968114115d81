/** What the console's pages get besides the hub's services. */
import type { Download } from "./components/downloads.tsx";

/** For `consolePages`. */
export interface ConsoleOptions {
  /** The installers and archives to offer; if absent, the pages say whom to ask. */
  readonly downloads?: readonly Download[] | undefined;
}
