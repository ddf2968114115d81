/**
 * injixo Cloud Link: the agent, the hub and the rehearsal of both in one program.
 *
 * `src/cli/command_line.ts` defines the commands, `src/cli/commands.ts` what each one loads, `src/ARCHITECTURE.md` is
 * the map.
 *
 * @module
 */
import { runCommandLine } from "./src/cli/run_command_line.ts";

if (import.meta.main) Deno.exit(await runCommandLine(Deno.args));
