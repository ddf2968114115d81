/**
 * Carries out a parsed command line. Each command's modules are loaded when it is called, so that it does not wait for
 * the others': the imports are literal so that the bundler finds them.
 */
import { systemClock } from "../runtime/clock.ts";
import type { HubServices } from "../hub/services.ts";
import type { CommandLine } from "./command_line.ts";
import { usageError } from "./exit_error.ts";
import { print } from "./print.ts";
import { readFirstLine } from "./first_line.ts";

/** Longest password read from standard input, in bytes. */
const passwordBytesMax = 4096;

/** Runs the command until it is done or the signal is aborted; resolves with the exit code. */
export async function carryOut(line: CommandLine, { signal }: { signal: AbortSignal }): Promise<number> {
  switch (line.command) {
    case "run":
      if (line.service !== undefined) {
        return await (await import("./windows_service_command.ts")).runAsWindowsService(line.service, line);
      }
      return (await import("./run/run.ts")).run(line, { signal });
    case "pin": {
      const { pin } = await import("./pin_command.ts");
      const { startTemporaryAgent } = await import("./run/temporary_agent.ts");
      const options = { ...line, wait: !line.noWait, startAgent: startTemporaryAgent, clock: systemClock };
      return await pin(options, { signal });
    }
    case "service":
      return (await import("./service_command.ts")).service(line, { signal });
    case "status":
      return (await import("./status_command.ts")).status(line, { signal });
    case "check": {
      const { check } = await import("./check_command.ts");
      const { checkNetworkHere } = await import("./check_network.ts");
      return await check({ ...line, checkNetwork: checkNetworkHere }, { signal });
    }
    case "support":
      return (await import("./support_command.ts")).support(line, { signal });
    case "config":
      return (await import("./config_command.ts")).showConfig(line);
    case "query": {
      const { acceptQueryOf, query } = await import("./query_command.ts");
      if (line.accept !== undefined) return await acceptQueryOf(line.configFile, line.accept);
      if (line.sql === undefined) throw usageError('Cannot run a query: give one, e.g. query "SELECT * FROM calls"');
      return await query({ ...line, sql: line.sql }, { signal });
    }
    case "version":
      return (await import("./version_command.ts")).showVersion(line);
    case "demo":
      return (await import("./demo/demo.ts")).runDemo({ exit: line.exit }, { signal });
    default:
      return await carryOutHub(line, { signal });
  }
}

type HubLine = Extract<CommandLine, { command: `hub${string}` }>;

async function carryOutHub(line: HubLine, { signal }: { signal: AbortSignal }): Promise<number> {
  const hub = await import("./hub_command.ts");
  const accounts = await import("./hub_accounts_command.ts");
  const out = { out: print };
  const options = { ...line, dataDirectory: line.data };
  switch (options.command) {
    case "hub": {
      const { consolePages } = await import("../hub/pages/mod.tsx");
      const { downloadRoutes, openDownloads } = await import("../hub/downloads.ts");
      const downloads = options.downloads === undefined ? [] : await openDownloads(options.downloads);
      const pages = (services: HubServices) =>
        downloadRoutes(downloads).route("/", consolePages(services, { downloads }));
      const { startLogging } = await import("../log/logging.ts");
      const standardError = options.json === true ? "json" : "text";
      await using _logging = startLogging({ folder: undefined, clock: systemClock, standardError });
      return await hub.runHub({ ...options, pages }, { signal, ...out });
    }
    case "hub backup":
      return await (await import("./hub_backup_command.ts")).hubBackup(options, out);
    case "hub user add":
      return await accounts.userAdd({ ...options, password: await givenPassword(options.passwordStdin) }, out);
    case "hub user list":
      return await accounts.userList(options, out);
    case "hub user remove":
      return await accounts.userRemove(options, out);
    case "hub user passwd":
      return await accounts.userPasswd({ ...options, password: await givenPassword(options.passwordStdin) }, out);
    case "hub token add":
      return await accounts.tokenAdd(options, out);
    case "hub token list":
      return await accounts.tokenList(options, out);
    case "hub token remove":
      return await accounts.tokenRemove(options, out);
  }
}

/** The first line of standard input, if the password should come from there. */
async function givenPassword(fromStandardInput: boolean): Promise<string | undefined> {
  if (!fromStandardInput) return undefined;
  const password = await readFirstLine({ charactersMax: passwordBytesMax });
  if (password === "") {
    throw new Error("Cannot read the password: there is none on standard input. Type it there, followed by Enter");
  }
  return password;
}
