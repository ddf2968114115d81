/** The archive that Linux users download. */
import { join } from "node:path";
import { makePackage } from "../../systemd/package.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { cyclonedxSchema } from "./cyclonedx.ts";

const architecture = "x64";
const toolPath = { PATH: "/usr/bin:/bin" };

/** A program that says what the real one says; the real one takes its time to compress. */
async function smallProgram(folder: string): Promise<string> {
  const path = join(folder, "program");
  await Deno.writeTextFile(path, '#!/bin/sh\necho \'{"deno": "2.7.11", "v8": "14.7"}\'\n', { mode: 0o755 });
  return path;
}

async function tool(name: string, args: string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(name, { args, cwd, env: toolPath }).output();
  assert(success, `${name}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

Deno.test("the package has executable, configuration and licences, is reproducible, and its checksum is right", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const executable = await smallProgram(folder);
    const first = await makePackage({ executable, outputFolder: join(folder, "first"), architecture });
    const second = await makePackage({ executable, outputFolder: join(folder, "second"), architecture });
    assertEquals(await Deno.readFile(first), await Deno.readFile(second));
    assertMatch(first, /\/injixo-cloud-link-linux-x64\.tar\.gz$/);
    assertMatch(await tool("sha256sum", ["--check", `${first}.sha256`], join(folder, "first")), /OK/);

    const list = await tool("tar", ["--numeric-owner", "-tvzf", first], folder);
    assertMatch(list, /^-rwxr-xr-x 0\/0 +\d+ 1980-01-01 00:00 injixo-cloud-link$/m);
    assertMatch(list, /^-rw-r--r-- 0\/0 .* injixo-cloud-link\.toml$/m);
    assertMatch(list, /^-rw-r--r-- 0\/0 .* licenses\/zod\.txt$/m);
    assert(!list.includes(".ts"), "sources are in the archive");
    await Deno.mkdir(join(folder, "unpacked"));
    await tool("tar", ["-xzf", first], join(folder, "unpacked"));
    const configuration = join(folder, "unpacked", "injixo-cloud-link.toml");
    assertEquals(
      await Deno.readTextFile(configuration),
      await Deno.readTextFile(new URL("../../injixo-cloud-link.toml", import.meta.url)),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the bill of materials names every package inside with its version and checksum, and the runtime", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = await makePackage({ executable: await smallProgram(folder), outputFolder: folder, architecture });
    const bill = JSON.parse(await Deno.readTextFile(path.replace(".tar.gz", ".cdx.json")));
    assertEquals([bill.bomFormat, bill.specVersion], ["CycloneDX", "1.6"]);
    assertMatch(bill.serialNumber, /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const manifest = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
    const named = new Map<string, { version: string; purl: string; hashes?: { content: string }[] }>(
      bill.components.map((component: { name: string }) => [component.name, component]),
    );
    for (const name of ["@logtape/logtape", "hono", "jose", "kysely", "smol-toml", "zod"]) {
      const component = named.get(name);
      assertEquals(`npm:${name}@${component?.version}`, manifest.imports[name]);
      assertMatch(component?.purl ?? "", /^pkg:npm\//);
      assertMatch(component?.hashes?.[0]?.content ?? "", /^[0-9a-f]{128}$/);
    }
    assertEquals(named.get("deno")?.version, "2.7.11");
    for (const { name, licenses } of [bill.metadata.component, ...bill.components]) {
      assertEquals(licenses.length, 1, name);
      assertMatch(licenses[0].license.id, /^(MIT|Apache-2\.0|BSD-[23]-Clause|ISC)$/, name);
    }
    for (const name of ["playwright-core", "@cyclonedx/cyclonedx-library"]) {
      assert(!named.has(name), `${name}, a package of the tests, is in the bill`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the bill of materials is valid by the schema of CycloneDX 1.6, and refers to nothing that is not in it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = await makePackage({ executable: await smallProgram(folder), outputFolder: folder, architecture });
    const bill = JSON.parse(await Deno.readTextFile(path.replace(".tar.gz", ".cdx.json")));
    const errorsIn = await cyclonedxSchema();
    assertEquals(errorsIn(bill), []);
    const [first] = bill.components;
    for (
      const wrong of [
        { more: true },
        { components: [{ ...first, licenses: [{ license: { id: "MIT License" } }] }] },
        { components: [{ ...first, hashes: [{ alg: "SHA-512", content: "0" }] }] },
        { components: [first, first] },
      ]
    ) assert(errorsIn({ ...bill, ...wrong }).length > 0, `${JSON.stringify(wrong)} is no error`);

    const references = [bill.metadata.component, ...bill.components].map((component) => component["bom-ref"]);
    assertEquals(new Set(references).size, references.length);
    for (const { ref, dependsOn } of bill.dependencies) {
      for (const reference of [ref, ...dependsOn]) assert(references.includes(reference), `${reference} is nowhere`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
