/**
 * ODBC connection strings: `KEY=value;KEY={value with ; and }}};…` (SQLDriverConnect, "Connection String").
 *
 * A string from the hub decides what native code is loaded, so a driver can only be given by its registered name, and
 * keys that name libraries or further settings files are refused.
 */

/** A parsed string: its keys in the given order, values without braces. */
export type Attributes = readonly Attribute[];

/** One `KEY=value`. Keys are case-insensitive; the order matters to some drivers. */
export interface Attribute {
  readonly key: string;
  readonly value: string;
}

/** Longest connection string, in characters. */
export const connectionStringCharactersMax = 4096;

/**
 * Parses a connection string. If a key occurs twice, the first counts, as in the driver manager.
 *
 * @throws an `Error` that says where, without showing values.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(parseConnectionString("DRIVER={My Driver};PWD={a;b}}c}"), [
 *   { key: "DRIVER", value: "My Driver" },
 *   { key: "PWD", value: "a;b}c" },
 * ]);
 * ```
 */
export function parseConnectionString(text: string): Attributes {
  if (text.length > connectionStringCharactersMax) {
    throw new Error(`Cannot read the connection string: over ${connectionStringCharactersMax} characters`);
  }
  if (text.includes("\0")) throw new Error("Cannot read the connection string: it has a zero character");
  const attributes: Attribute[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] === ";" || /\s/.test(text[at] ?? "")) {
      at++;
      continue;
    }
    const equals = text.indexOf("=", at);
    const key = text.slice(at, equals < 0 ? text.length : equals).trim();
    if (equals < 0 || key.includes(";")) {
      const shown = key.split(";")[0]?.length ?? 0;
      throw new Error(`Cannot read the connection string: no "=" after ${shown} characters from position ${at + 1}`);
    }
    const [value, end] = readValue(text, equals + 1, key);
    if (!attributes.some((known) => sameKey(known.key, key))) attributes.push({ key, value });
    at = end;
  }
  return attributes;
}

/** Writes a connection string; values are put in braces if needed. */
export function formatConnectionString(attributes: Attributes): string {
  return attributes.map(({ key, value }) => `${key}=${quoteValue(key, value)}`).join(";") + ";";
}

/**
 * A value in the form required in a connection string. `DRIVER` always has braces, as every driver manager expects.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(quoteValue("PWD", "a;b}c"), "{a;b}}c}");
 * ```
 */
export function quoteValue(key: string, value: string): string {
  if (value.includes("\0")) throw new Error(`Cannot use the value of "${key}": it has a zero character`);
  const plain = !sameKey(key, "DRIVER") && /^[^\s;{}[\](),?*=!@]([^;{}[\](),?*=!@]*[^\s;{}[\](),?*=!@])?$/.test(value);
  return plain || value === "" ? value : `{${value.replaceAll("}", "}}")}}`;
}

/** The value of `key`, ignoring case. */
export function attribute(attributes: Attributes, key: string): string | undefined {
  return attributes.find((known) => sameKey(known.key, key))?.value;
}

/** `attributes` plus those of `defaults` whose keys are missing. */
export function withDefaults(attributes: Attributes, defaults: Attributes): Attributes {
  return [...attributes, ...defaults.filter(({ key }) => attribute(attributes, key) === undefined)];
}

/** Values that must not appear in any message. */
export function secretsOf(attributes: Attributes): string[] {
  return attributes.filter(({ key, value }) => isSecret(key) && value !== "").map(({ value }) => value);
}

function isSecret(key: string): boolean {
  return /pwd|pass|secret|token|key/i.test(key);
}

/** Keys with which a string could make the driver manager or a driver load a library or run a program or statement. */
const refusedKeys = [
  "FILEDSN",
  "SAVEFILE",
  "SETUP",
  "TRANSLATIONDLL",
  "TRANSLATIONNAME",
  "TRANSLATIONOPTION",
  "PLUGIN_DIR",
  "PLUGINDIR",
  "DEFAULT_AUTH",
  "LOADEXT",
  "INITSTMT",
];

/**
 * Checks that a string can start nothing but a driver registered by the administrator.
 *
 * @throws an `Error` that names the key and what would be right.
 */
export function assertRegistered(
  attributes: Attributes,
  registered: { readonly drivers: readonly string[]; readonly dataSources: readonly { readonly name: string }[] },
): void {
  for (const { key } of attributes) {
    if (refusedKeys.includes(key.toUpperCase())) {
      throw new Error(
        `Cannot use "${key}" in a connection string: it can load code; use DRIVER or DSN with a registered name`,
      );
    }
  }
  const driver = attribute(attributes, "DRIVER");
  const dataSource = attribute(attributes, "DSN");
  if (driver === undefined && dataSource === undefined) {
    throw new Error("Cannot use the connection string: it needs DRIVER={…} or DSN=…");
  }
  if (driver !== undefined) assertKnown("driver", driver, registered.drivers);
  else if (dataSource !== undefined) {
    assertKnown(
      "data source",
      dataSource,
      registered.dataSources.map(({ name }) => name),
    );
  }
}

function assertKnown(what: "driver" | "data source", name: string, known: readonly string[]): void {
  if (known.some((one) => sameKey(one, name))) return;
  if (/[/\\]/.test(name) || /\.(so|dll|dylib)\b/i.test(name)) {
    throw new Error(
      `Cannot use the ${what} "${name}": a path could run any code; give the registered name (${list(known)})`,
    );
  }
  throw new Error(
    `Cannot find the ODBC ${what} "${name}": registered are ${list(known)}. Install it or correct the name`,
  );
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", ");
}

function sameKey(a: string, b: string): boolean {
  return a.toUpperCase() === b.toUpperCase();
}

function readValue(text: string, start: number, key: string): [value: string, end: number] {
  let at = start;
  while (text[at] === " ") at++;
  if (text[at] !== "{") {
    const semicolon = text.indexOf(";", at);
    const end = semicolon < 0 ? text.length : semicolon;
    return [text.slice(at, end).trim(), end];
  }
  let value = "";
  for (at++; at < text.length; at++) {
    if (text[at] !== "}") {
      value += text[at];
    } else if (text[at + 1] === "}") {
      value += "}";
      at++;
    } else {
      const rest = text.indexOf(";", at);
      const end = rest < 0 ? text.length : rest;
      if (text.slice(at + 1, end).trim() !== "") {
        throw new Error(`Cannot read the connection string: text after the closing brace of "${key}"; write } as }}`);
      }
      return [value, end];
    }
  }
  throw new Error(`Cannot read the connection string: the value of "${key}" has no closing brace`);
}
