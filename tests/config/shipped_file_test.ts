import { configAsToml } from "../../src/config/print.ts";
import { loadConfigWithOrigins, parseConfig } from "../../src/config/load.ts";
import { schema } from "../../src/config/schema.ts";
import { assertEquals } from "../assert.ts";

const file = new URL("../../injixo-cloud-link.toml", import.meta.url).pathname;
const place = { folder: "/opt/cloud-link", file: "/opt/cloud-link/injixo-cloud-link.toml" };

Deno.test("the shipped file is valid and changes nothing", () => {
  const { config } = parseConfig(Deno.readTextFileSync(file), place);
  assertEquals(config, parseConfig("", place).config);
});

Deno.test("the shipped file has every key, those without a default as a comment that is valid when uncommented", () => {
  const text = Deno.readTextFileSync(file);
  const all = Object.entries(schema).flatMap(([section, kinds]) =>
    Object.keys(kinds).map((key) => `${section}.${key}`)
  );
  // Keys of [database] that exclude each other: the file is read once for each choice.
  const choices = [["connectionString", "passwordFile"], ["file"], [
    "type",
    "host",
    "port",
    "database",
    "user",
    "trustServerCertificate",
    "passwordCredential",
  ]];
  const found = new Set<string>();
  for (const choice of choices) {
    const others = choices.flat().filter((key) => !choice.includes(key));
    const uncommented = text.replace(/^# (\w+)( = )/gm, (line, key, rest) => others.includes(key) ? line : key + rest);
    const { origins } = parseConfig(uncommented, place);
    for (const [key, origin] of origins) if (origin === "file") found.add(key);
  }
  assertEquals([...found].toSorted(), all.toSorted());
});

Deno.test("what config prints can be used as a file and means the same", () => {
  const loaded = loadConfigWithOrigins(file);
  const printed = configAsToml(loaded);
  assertEquals(parseConfig(printed, loaded.config).config, loaded.config);
});
