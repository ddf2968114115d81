/** Every secret known to an installation, and searching for them in what is about to leave it. */
import type { Config } from "../config/config.ts";
import { parseConnectionString, secretsOf } from "../odbc/connection_string.ts";
import type { DatabaseConnection } from "../protocol/database.ts";
import { sentence, unreadableReason } from "../runtime/error_text.ts";
import { StateDamagedError } from "../runtime/state_damaged.ts";
import { readIdentity } from "../state/identity.ts";
import { readLink } from "../state/link_store.ts";
import { readState } from "../state/state.ts";
import { stateFolderOf } from "./state_folder.ts";
import { allProxies, lookAround } from "./run/surroundings.ts";

/** Shorter values are not searched for: they occur by chance. In characters. */
const secretCharactersMin = 4;

/** A value that must not leave the installation. */
export interface Secret {
  /** What it is, for messages: never the value. */
  readonly name: string;
  readonly value: string;
}

/** `unknown` lists what could not be looked up, and what to do: then no text can be vouched for. */
export interface KnownSecrets {
  readonly secrets: readonly Secret[];
  readonly unknown: readonly string[];
}

/**
 * Collects them from the state, the environment, the service's folder of credentials and the files named in the
 * configuration.
 */
export async function knownSecrets(
  config: Config,
  { credentials }: { credentials: string | undefined },
): Promise<KnownSecrets> {
  const { kept } = config.database;
  const secrets: Secret[] = kept?.by === "connectionString" ? secretsOfConnection(kept) : [];
  const unknown: string[] = [];
  const gather = async (place: string, look: () => Promise<readonly Secret[]>) => {
    try {
      secrets.push(...await look());
    } catch (error) {
      unknown.push(`${place}: ${sentence(unreadableReason(error))}${remedyFor(error)}`);
    }
  };
  await gather("the state", () => secretsOfState(config));
  await gather("the proxies", async () => (await allProxies(config, { credentials })).flatMap(secretsOfProxy));
  await gather("the proxy and the kept database connection", async () => {
    const found = await lookAround(config, { credentials });
    return found.secrets.map((value) => ({ name: "a password of the proxy or of [database]", value }));
  });
  return { secrets: secrets.filter(({ value }) => value.length >= secretCharactersMin), unknown };
}

function remedyFor(error: unknown): string {
  if (error instanceof StateDamagedError) return " Start the agent, which sets a damaged state aside, then try again";
  if (Deno.build.os === "windows") return " Run it in a console as administrator";
  return Deno.uid() === 0 ? "" : " Run it with sudo";
}

async function secretsOfState(config: Config): Promise<Secret[]> {
  using database = await readState(stateFolderOf(config));
  if (database === undefined) return [];
  const key = readIdentity(database)?.privateKey.d;
  const source = readLink(database)?.assignment?.source;
  return [
    ...(key === undefined ? [] : [{ name: "the installation's private key", value: key }]),
    ...(source?.type === "database" ? secretsOfConnection(source.connection) : []),
  ];
}

function secretsOfConnection(connection: DatabaseConnection): Secret[] {
  const name = "the database's password";
  if (connection.by === "parts") return connection.password === undefined ? [] : [{ name, value: connection.password }];
  if (connection.by !== "connectionString") return [];
  const { connectionString } = connection;
  return [
    { name: "the database's connection string", value: connectionString },
    ...passwordsOf(connectionString).map((value) => ({ name, value })),
  ];
}

/**
 * The values of a connection string that must not be shown. Excludes values like that of `FakeKey=true`: such words
 * occur everywhere.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(passwordsOf('DSN=acd;PWD={a;b};AccessToken="t0ken";SomeKey=true'), ["a;b", "t0ken"]);
 * ```
 */
export function passwordsOf(connectionString: string): string[] {
  let secrets: string[];
  try {
    secrets = secretsOf(parseConnectionString(connectionString));
  } catch {
    return []; // no driver accepts it: it is a secret as a whole
  }
  return secrets.map((value) => /^"(.*)"$/s.exec(value)?.[1] ?? value)
    .filter((value) => !/^(true|false|yes|no|on|off|enabled|disabled)$/i.test(value));
}

/**
 * The password in a proxy's address, which may be malformed.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(secretsOfProxy("http://ann:p%40ss@proxy:8080").map(({ value }) => value), ["p%40ss", "p@ss"]);
 * assertEquals(secretsOfProxy("http://proxy:8080"), []);
 * ```
 */
export function secretsOfProxy(address: string): Secret[] {
  const password = /^(?:[a-z][a-z0-9+.-]*:\/\/)?[^:@]*:(.*)@/is.exec(address)?.[1];
  if (password === undefined) return [];
  return [...new Set([password, decoded(password)])].map((value) => ({ name: "a proxy's password", value }));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The first secret found in a text, in any of the forms in which it may have been written.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const secret = { name: "a password", value: "p@ss/word" };
 * assertEquals(secretIn("http://u:p%40ss%2Fword@proxy", [secret]), secret);
 * assertEquals(secretIn("nothing", [secret]), undefined);
 * ```
 */
export function secretIn(text: string, secrets: readonly Secret[]): Secret | undefined {
  return secrets.find(({ value }) => value.length > 0 && formsOf(value).some((form) => text.includes(form)));
}

function formsOf(value: string): string[] {
  const bytes = new TextEncoder().encode(value);
  const base64 = bytes.toBase64();
  return [
    value,
    encodeURIComponent(value.toWellFormed()),
    JSON.stringify(value).slice(1, -1),
    ...(bytes.length >= 12
      ? [base64.replace(/=+$/, ""), bytes.toBase64({ alphabet: "base64url", omitPadding: true })]
      : []),
  ];
}
