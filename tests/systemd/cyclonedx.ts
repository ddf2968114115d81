/** The schema of CycloneDX 1.6, as its authors ship it in their own library. */
import "@cyclonedx/cyclonedx-library/package.json" with { type: "json" }; // or its folder is not resolved
import { type Schema, Validator } from "@cfworker/json-schema";

const folder = new URL("res/schema/", import.meta.resolve("@cyclonedx/cyclonedx-library/package.json"));

/** Reads the schema; the returned function lists what is wrong with a bill of materials. */
export async function cyclonedxSchema(): Promise<(bill: unknown) => string[]> {
  const validator = new Validator(await read("bom-1.6"), "7", false);
  for (const name of ["spdx", "jsf-0.82"]) validator.addSchema(await read(name));
  return (bill) =>
    validator.validate(bill).errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
}

/** Under the name by which the others refer to it. */
async function read(name: string): Promise<Schema> {
  const file = `${name}.SNAPSHOT.schema.json`;
  const schema = JSON.parse(await Deno.readTextFile(new URL(file, folder)));
  return { ...schema, $id: `http://cyclonedx.org/schema/${file}` };
}
