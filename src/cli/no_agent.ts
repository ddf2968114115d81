/** What commands print when no agent is running. */
import type { Config } from "../config/config.ts";
import { typedCommand } from "../runtime/own_command.ts";

/** Says so, and how to start one. */
export function noAgentText(config: Config): string {
  return `No agent is running in "${config.folder}". Install or start the service (${
    typedCommand("service install")
  }, ` +
    `${typedCommand("service start")}), or run the agent here with the command run.`;
}
