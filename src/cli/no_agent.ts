/** What commands print when no agent is running. */
import type { Config } from "../config/config.ts";

/** Says so, and how to start one. */
export function noAgentText(config: Config): string {
  const sudo = Deno.build.os === "windows" ? "" : "sudo ";
  return `No agent is running in "${config.folder}". Start the service ("${sudo}injixo-cloud-link service start"), ` +
    `or run the agent here ("injixo-cloud-link run").`;
}
