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
  const uncommented = Deno.readTextFileSync(file).replace(/^# (\w+ = )/gm, "$1");
  const { origins } = parseConfig(uncommented, place);
  const keys = Object.entries(schema).flatMap(([section, kinds]) =>
    Object.keys(kinds).map((key) => `${section}.${key}`)
  );
  assertEquals([...origins].filter(([, origin]) => origin === "file").map(([key]) => key), keys);
});

Deno.test("what config prints can be used as a file and means the same", () => {
  const loaded = loadConfigWithOrigins(file);
  const printed = configAsToml(loaded);
  assertEquals(parseConfig(printed, loaded.config).config, loaded.config);
});
