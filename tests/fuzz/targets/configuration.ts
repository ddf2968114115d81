/** `injixo-cloud-link.toml`: whatever is in it, the answer is a configuration or a `ConfigError`. */
import { posix, win32 } from "node:path";
import { parse as parseToml } from "smol-toml";
import { parseConfig } from "../../../src/config/load.ts";
import { configAsJson, configAsToml } from "../../../src/config/print.ts";
import { ConfigError } from "../../../src/config/problems.ts";
import { aliases, schema } from "../../../src/config/schema.ts";
import type { Random } from "../random.ts";
import { require, requireMessage, requireSecret, type Target } from "../target.ts";

/** Stands where a password stands, and must not be seen again. */
const password = "Zq7-secret-Zq7";
/** How it would be seen: in a connection string, and in an address. */
const shownPasswords = [`PWD=${password}`, `user:${password}@`];
const file = "/opt/cloud-link/injixo-cloud-link.toml";

const keys = Object.entries(schema).flatMap(([section, kinds]) => Object.keys(kinds).map((key) => ({ section, key })));

const values: readonly string[] = [
  '"x"',
  "true",
  "false",
  "1",
  "0.5",
  "1e3",
  "inf",
  "nan",
  "0x10",
  "1979-05-27T07:32:00Z",
  "07:32:00",
  "[]",
  '["a", "b"]',
  "{}",
  '{ a = "b" }',
  "'''x'''",
  '"""x\n"""',
  '"https://www.injixo.com"',
  '"http://localhost:8080"',
  `"https://user:${password}@hub.example"`,
  '"injixo-*.s3.example.com"',
  '["*.s3.example.com:443"]',
  '"C:\\\\import"',
  '"./import"',
  `"DRIVER={x};SERVER=db;UID=u;PWD=${password};"`,
  '"database.example"',
  "5432",
];

/** Makes the target. */
export function makeTarget(): Promise<Target> {
  return Promise.resolve({
    form: "text",
    words: [
      ...Object.keys(schema).map((section) => `[${section}]\n`),
      ...keys.map(({ key }) => `\n${key} = `),
      ...values,
    ],
    generate,
    run,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

function generate(random: Random): string {
  const names = [...Object.keys(schema), ...Object.values(aliases).flatMap((names) => Object.keys(names))];
  const sections = Object.entries(schema).filter(() => random.oneIn(2));
  return sections.map(([section, kinds]) => {
    const own = Object.keys(kinds).filter(() => random.oneIn(2));
    const lines = own.map((key) => `${random.oneIn(30) ? random.pick(names) : key} = ${random.pick(values)}`);
    return [`[${section}]`, ...lines, ""].join("\n");
  }).join("");
}

function run(text: string): void {
  const input = text.toWellFormed();
  for (const { path, folder } of [{ path: posix, folder: "/opt/cloud-link" }, { path: win32, folder: "C:\\Cloud" }]) {
    let loaded: ReturnType<typeof parseConfig>;
    try {
      loaded = parseConfig(input, { folder, file, path });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      require(error.problems.length > 0, () => "An error names no problem");
      for (const { message } of error.problems) requireMessage(message, input);
      requireSecret(error.message, shownPasswords);
      continue;
    }
    requireRoundTrip(loaded, { path, folder });
  }
}

/** What `config` prints can be used as a file, and says the same. */
function requireRoundTrip(
  loaded: ReturnType<typeof parseConfig>,
  options: { path: typeof posix; folder: string },
): void {
  const known = { ...loaded, fileExists: true };
  const printed = configAsToml(known);
  const { kept } = loaded.config.database;
  const own = kept?.by === "connectionString" && kept.connectionString.length > 12 ? [kept.connectionString] : [];
  requireSecret(printed + JSON.stringify(configAsJson(known)), own);
  const again = parseConfig(printed, { ...options, file });
  const shown = (values: unknown) =>
    JSON.stringify(values, (key, value) => key === "connectionString" && value !== undefined ? "***" : value);
  require(shown(again.values) === shown(loaded.values), () => `${shown(again.values)} is not ${shown(loaded.values)}`);
  parseToml(printed);
}
