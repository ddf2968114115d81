/** ODBC connection strings: what is read is written again as the same, and no value is told in an error. */
import { attributesFromParts } from "../../../src/odbc/connection_parts.ts";
import { assertOffered } from "../../../src/odbc/offered_connection.ts";
import {
  assertRegistered,
  connectionStringCharactersMax,
  formatConnectionString,
  parseConnectionString,
  secretsOf,
  withDefaults,
} from "../../../src/odbc/connection_string.ts";
import type { Random } from "../random.ts";
import { require, requireMessage, requireSecret, type Target } from "../target.ts";

const registered = {
  drivers: ["PostgreSQL Unicode", "SQLite3", "ODBC Driver 18 for SQL Server", "MariaDB"],
  dataSources: [{ name: "acd", driver: "PostgreSQL Unicode" }, { name: "file", driver: "SQLite3" }],
  libraries: new Map([["MARIADB", "libmaodbc.so"]]),
};

const words: readonly string[] = [
  "DRIVER={SQLite3};",
  "DSN=acd;",
  "Server=db.example;",
  "UID=sa;",
  "PWD={a;b}}c};",
  "Password=Zq7-secret-Zq7;",
  "FILEDSN=/etc/x.dsn;",
  "DATABASE=/etc/passwd;",
  "Driver=/tmp/x.so;",
  "TranslationDLL=x;",
  "={",
  "}}",
  "};",
  "=;",
];

/** Makes the target. */
export function makeTarget(): Promise<Target> {
  return Promise.resolve({
    form: "text",
    words,
    generate: (random: Random) => random.many(6, () => random.pick(words)).join(""),
    run,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

function run(input: string): void {
  let attributes: ReturnType<typeof parseConnectionString>;
  try {
    attributes = parseConnectionString(input);
  } catch (error) {
    return requireRefusal(error, input, []);
  }
  const written = formatConnectionString(attributes);
  require(
    JSON.stringify(parseConnectionString(written.slice(0, 4096))) === JSON.stringify(attributes) ||
      written.length > 4096,
    () => `${JSON.stringify(attributes)} is written as ${written}, which says something else`,
  );
  // Secrets of one or two characters occur anywhere.
  const secrets = secretsOf(attributes).filter((secret) => secret.length > 12 && countOf(input, secret) === 1);
  withDefaults(attributes, [{ key: "UID", value: "x" }]);
  for (const check of [() => assertRegistered(attributes, registered), () => assertOffered(attributes, registered)]) {
    try {
      check();
    } catch (error) {
      requireRefusal(error, input, secrets);
    }
  }
  requireParts(input);
}

/** The same text as the parts of the hub's form: nothing in a part may become another attribute. */
function requireParts(text: string): void {
  if (text.includes("\0") || text.length > 1000) return;
  const parts = { host: text, database: text, user: text, password: text };
  for (const database of ["mssql", "mysql", "postgresql"] as const) {
    const given = attributesFromParts(database, { parts, installed: registered.drivers });
    const whole = formatConnectionString(given);
    if (whole.length > connectionStringCharactersMax) continue; // it is refused, as it should be
    const read = parseConnectionString(whole);
    require(
      JSON.stringify(read) === JSON.stringify(given),
      () => `${JSON.stringify(given)} becomes ${JSON.stringify(read)}`,
    );
  }
}

function requireRefusal(error: unknown, input: string, secrets: readonly string[]): void {
  if (!(error instanceof Error) || error.constructor !== Error || !error.message.startsWith("Cannot ")) throw error;
  requireMessage(error.message, input);
  requireSecret(error.message, secrets);
}

function countOf(text: string, part: string): number {
  return text.split(part).length - 1;
}
