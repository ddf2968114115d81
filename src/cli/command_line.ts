/** The grammar of the command line: commands, options and their help texts. What they do is in `commands.ts`. */
import { object, or } from "@optique/core/constructs";
import { type Message, message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, command, constant, flag, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";

/** Default address that the hub listens on. */
export const defaultListen = "127.0.0.1:8080";

const configFile = optional(option("--config", path({ metavar: "FILE" }), {
  description:
    message`Configuration file; its folder is the installation folder. Default: injixo-cloud-link.toml beside the executable.`,
}));
const json = withDefault(flag("--json", { description: message`Print JSON, for scripts.` }), false);
const data = optional(option("--data", path({ metavar: "DIR" }), {
  description: message`The hub's data folder. Default: hub-data in the current folder.`,
}));

const run = command(
  "run",
  object({
    command: constant("run"),
    configFile,
    logFormat: optional(option("--log-format", choice(["json", "text"]), {
      description: message`Also write the log to standard error. At a terminal, text is the default.`,
    })),
    // Windows' service manager starts the program with it.
    service: optional(option("--service", string({ metavar: "NAME" }), { hidden: true })),
  }),
  texts(
    message`Run the agent. The default when no command is given.`,
    message`Runs until it is stopped by Ctrl-C or SIGTERM. By then, everything that was read is on disk.`,
  ),
);

const pin = command(
  "pin",
  object({
    command: constant("pin"),
    configFile,
    noWait: withDefault(
      flag("--no-wait", { description: message`Only print the PIN; do not wait for the link.` }),
      false,
    ),
  }),
  texts(
    message`Show a PIN that links this installation to an integration.`,
    message`The PIN is valid for five minutes. Type it into the integration's page. The command ends when the link is made, or when the PIN has expired. An installation that is already linked can be linked to another integration in the same way.`,
  ),
);

const status = command(
  "status",
  object({ command: constant("status"), configFile, json }),
  texts(message`Show what the running agent is doing: hub, link, what is waiting, last import, last error.`),
);

const check = command(
  "check",
  object({ command: constant("check"), configFile, json }),
  texts(
    message`Check configuration, folders, network, hub and link, one line each with what to do.`,
    message`Runs inside the agent if one is running, with the agent's rights and environment.`,
  ),
);

const config = command(
  "config",
  object({ command: constant("config"), configFile, json }),
  texts(message`Print the configuration in force and where each value comes from. Secrets are masked.`),
);

const demo = command(
  "demo",
  object({
    command: constant("demo"),
    exit: withDefault(flag("--exit", { description: message`Stop after the summary.` }), false),
  }),
  texts(
    message`Rehearse everything on this machine: a hub, two agents, their links, files and a database.`,
    message`Uses throw-away folders and loopback only. The hub's console stays open until Ctrl-C.`,
  ),
);

const version = command(
  "version",
  object({ command: constant("version"), json }),
  texts(message`Print the version.`),
);

const name = argument(string({ metavar: "NAME" }));
const role = optional(option("--role", choice(["administrator", "viewer"]), {
  description: message`What it may do. Default: administrator.`,
}));
const passwordStdin = withDefault(
  flag("--password-stdin", { description: message`Read the password from standard input instead of generating one.` }),
  false,
);

const hubUser = command(
  "user",
  or(
    command(
      "add",
      object({ command: constant("hub user add"), name, role, passwordStdin, data, json }),
      texts(message`Add a user; the password is printed once.`),
    ),
    command("list", object({ command: constant("hub user list"), data, json }), texts(message`List the users.`)),
    command(
      "remove",
      object({ command: constant("hub user remove"), name, data, json }),
      texts(message`Remove a user.`),
    ),
    command(
      "passwd",
      object({ command: constant("hub user passwd"), name, passwordStdin, data, json }),
      texts(message`Give a user a new password; it is printed once.`),
    ),
    orNothing(message`Say what to do: hub user add, list, remove or passwd.`),
  ),
  texts(message`Manage who may log in to the console.`),
);

const hubToken = command(
  "token",
  or(
    command(
      "add",
      object({ command: constant("hub token add"), name, role, data, json }),
      texts(message`Create an API token; it is shown once.`),
    ),
    command("list", object({ command: constant("hub token list"), data, json }), texts(message`List the API tokens.`)),
    command(
      "remove",
      object({ command: constant("hub token remove"), name, data, json }),
      texts(message`Remove an API token.`),
    ),
    orNothing(message`Say what to do: hub token add, list or remove.`),
  ),
  texts(message`Manage the tokens of scripts that use the API.`),
);

const hubBackup = command(
  "backup",
  object({
    command: constant("hub backup"),
    target: argument(path({ metavar: "DIR" }), { description: message`The folder to create.` }),
    data,
    json,
  }),
  texts(
    message`Copy the hub's data to a new folder, whether or not the hub is running.`,
    message`Objects are hard links where the file system allows: copy the folder to another disk. To restore it, start the hub on a copy of it.`,
  ),
);

const query = command(
  "query",
  object({
    command: constant("query"),
    configFile,
    sql: optional(argument(string({ metavar: "SQL" }), { description: message`The query.` })),
    accept: optional(option("--accept", string({ metavar: "FINGERPRINT" }), {
      description: message`Accept a query that was changed in the hub, when [database] allowQueryChanges is false.`,
    })),
    connection: optional(option("--connection", string({ metavar: "STRING" }), {
      description:
        message`ODBC connection string, sqlite:FILE, or - to read the string from standard input. Default: [database] of the configuration.`,
    })),
    dataType: optional(option("--type", choice(["interval", "contact", "agent-status"]), {
      description: message`Read only one time window, and check columns and rows as for an import of this type.`,
    })),
    from: optional(option("--from", string({ metavar: "TIME" }), {
      description: message`Start of the window, e.g. 2026-03-01T08:00. Default: an hour before its end.`,
    })),
    to: optional(option("--to", string({ metavar: "TIME" }), { description: message`End of the window.` })),
    timeZone: optional(option("--time-zone", string({ metavar: "NAME" }), {
      description: message`Time zone of the database's times, e.g. Europe/Berlin. Default: this machine's.`,
    })),
    limit: optional(option("--limit", integer({ metavar: "N", min: 1 }), {
      description: message`Rows to read. Default: 20 for a table, all for a file.`,
    })),
    output: optional(option("--output", path({ metavar: "FILE" }), {
      description: message`Write CSV to this file, compressed if it is named .csv.zst or .csv.gz.`,
    })),
  }),
  texts(
    message`Run a query as the agent would; print a table or write CSV.`,
    message`A password on the command line would be visible to every user of this machine: use a data source (DSN=…) that holds it, [database] passwordFile, or --connection - and standard input.`,
  ),
);

const off = (name: `--${string}`, description: Message) => withDefault(flag(name, { description }), false);
const serve = object({
  command: constant("hub"),
  data,
  listen: optional(option("--listen", string({ metavar: "HOST:PORT" }), {
    description: message`Where to listen. Default: ${defaultListen}.`,
  })),
  publicUrl: optional(option("--public-url", string({ metavar: "URL" }), {
    description: message`The address at which agents and browsers reach the hub.`,
  })),
  tlsCertFile: optional(option("--tls-cert", path({ metavar: "FILE" }), {
    description: message`Certificate chain (PEM), with --tls-key. Read at startup: a renewed one needs a restart.`,
  })),
  tlsKeyFile: optional(option("--tls-key", path({ metavar: "FILE" }), {
    description: message`Private key (PEM), with --tls-cert.`,
  })),
  account: optional(option("--account", string({ metavar: "NAME" }), {
    description: message`Name of the account. Default: the existing name, or My account for a new hub.`,
  })),
  downloads: optional(option("--downloads", path({ metavar: "DIR" }), {
    description: message`Offer the installers in this folder: injixo-cloud-link.msi and the Linux archive.`,
  })),
  allowInsecureListen: off("--allow-insecure-listen", message`Listen beyond this machine without TLS.`),
  trustProxy: off("--trust-proxy", message`Trust X-Forwarded-For; use only behind a proxy that sets it.`),
  json: off("--json", message`Print what happens as JSON lines.`),
});

const hub = command(
  "hub",
  or(hubUser, hubToken, hubBackup, serve),
  {
    ...texts(
      message`Run a hub: the cloud side, with console and API.`,
      message`The first start creates an account and an administrator, whose password is printed once. Users and tokens can be managed while it runs.`,
    ),
    usageLine: [{ type: "ellipsis" }],
  },
);

const serviceAct = <const Act extends "uninstall" | "start" | "stop" | "restart">(act: Act, brief: Message) =>
  command(act, object({ command: constant("service"), act: constant(act), configFile }), texts(brief));

const service = command(
  "service",
  or(
    command(
      "install",
      object({
        command: constant("service"),
        act: constant("install"),
        configFile,
        user: optional(option("--user", string({ metavar: "NAME" }), {
          description: message`Existing user that the service runs as. Default: injixo-cloud-link, which is created.`,
        })),
      }),
      texts(
        message`Create the service of this folder. It starts when the machine boots.`,
        message`The service is named after [app] name. Doing this again is harmless, and brings the service up to date.`,
      ),
    ),
    serviceAct("uninstall", message`Stop and remove the service. Log, state and configuration stay.`),
    serviceAct("start", message`Start the service, and wait until it works.`),
    serviceAct("stop", message`Stop the service until it is started again or the machine boots.`),
    serviceAct("restart", message`Stop and start the service, to apply a changed configuration or get a new PIN.`),
    command(
      "status",
      object({ command: constant("service"), act: constant("status"), configFile, json }),
      texts(message`Show whether the service is active and since when, its link, last import and last error.`),
    ),
    orNothing(message`Say what to do: service install, uninstall, start, stop, restart or status.`),
  ),
  { ...texts(message`Install, start, stop or remove the service of this folder.`), usageLine: [{ type: "ellipsis" }] },
);

const support = command(
  "support",
  object({
    command: constant("support"),
    configFile,
    output: optional(option("--output", path({ metavar: "FILE" }), {
      description: message`Archive to write. Default: injixo-cloud-link-support-DATE.tar.gz in the current folder.`,
    })),
  }),
  texts(
    message`Write an archive for whoever helps you: configuration, logs, check, status, versions.`,
    message`Before writing, it searches for every secret the installation knows; if one is found, no archive is written. Nothing is sent anywhere.`,
  ),
);

/** All commands. */
export const commandLine = or(run, pin, service, status, check, support, config, query, hub, demo, version);

/** A parsed command line: `command` says which, the rest are its options. */
export type CommandLine = InferValue<typeof commandLine>;

/**
 * The arguments with `run` put in front if they name no command. `hub` alone gets one of its defaults, since a command
 * with subcommands needs an argument; `demo -- --exit` is a habit from `npm run`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(withDefaultCommand(["--config", "x.toml"]), ["run", "--config", "x.toml"]);
 * assertEquals(withDefaultCommand(["--help"]), ["--help"]);
 * assertEquals(withDefaultCommand(["demo", "--", "--exit"]), ["demo", "--exit"]);
 * ```
 */
export function withDefaultCommand(args: readonly string[]): readonly string[] {
  const [first = "run", second] = args;
  if (first === "hub" && args.length === 1) return ["hub", "--listen", defaultListen];
  if (first === "demo" && second === "--") return ["demo", ...args.slice(2)];
  const isOwnOption = ["--config", "--log-format"].some((own) => first === own || first.startsWith(`${own}=`));
  return args.length === 0 || isOwnOption ? ["run", ...args] : args;
}

/** The error if none of the alternatives is given. */
function orNothing(noMatch: Message): { errors: { noMatch: Message } } {
  return { errors: { noMatch } };
}

/** The line in the list of commands, and what the command's own help adds to it. */
function texts(brief: Message, more?: Message): { brief: Message; description?: Message } {
  return more === undefined ? { brief } : { brief, description: more };
}
