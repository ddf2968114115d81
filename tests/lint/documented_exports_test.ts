import { assertEquals } from "../assert.ts";
import plugin from "./documented_exports.ts";

const missingModuleDoc = "a file begins with a module doc: what it is for, and why";
const missingDoc = "an exported declaration has JSDoc";

function complaints(source: string, file = "src/x/y.ts"): string[] {
  return Deno.lint.runPlugin(plugin, `/repository/${file}`, source).map(({ message }) => message);
}

const complete = `/** What the file is for. */
import * as z from "zod";

/** A limit, in bytes. */
export const bytesMax = 1;

/** A shape. */
export interface Shape {
  readonly a: string;
}

/** A schema. */
export const Body = z.object({});
export type Body = z.infer<typeof Body>;

const own = 1;
export { own };
`;

Deno.test("documented-exports is silent about a file that is documented", () => {
  assertEquals(complaints(complete), []);
});

Deno.test("documented-exports misses the module doc, and only that", () => {
  assertEquals(complaints(complete.slice(complete.indexOf("\n") + 1)), [missingModuleDoc]);
  assertEquals(complaints("// Not a doc\nexport {};\n"), [missingModuleDoc]);
});

Deno.test("documented-exports lets a shebang and directives go before the module doc", () => {
  assertEquals(complaints(`#!/usr/bin/env deno\n// deno-lint-ignore-file camelcase -- why\n${complete}`), []);
});

for (
  const declaration of [
    "export const a = 1;",
    "export function a() {}",
    "export async function* a() {}",
    "export class A {}",
    "export interface A { readonly a: string }",
    'export type A = "a" | "b";',
  ]
) {
  Deno.test(`documented-exports misses the doc of: ${declaration}`, () => {
    assertEquals(complaints(`/** What the file is for. */\nimport "./a.ts";\n\n${declaration}\n`), [missingDoc]);
    assertEquals(complaints(`/** What the file is for. */\nimport "./a.ts";\n\n/** Why. */\n${declaration}\n`), []);
    assertEquals(complaints(`/** What the file is for. */\nimport "./a.ts";\n\n// Why.\n${declaration}\n`), [
      missingDoc,
    ]);
  });
}

Deno.test("documented-exports does not take the module doc for the first export's", () => {
  assertEquals(complaints("/** What the file is for. */\n\nexport const a = 1;\n"), [missingDoc]);
});

Deno.test("documented-exports looks at src/ only, in TSX too and whatever the path's separator", () => {
  assertEquals(complaints("export const a = 1;\n", "tests/x/y.ts"), []);
  assertEquals(complaints("export const a = 1;\n", "src/x/y.tsx"), [missingModuleDoc, missingDoc]);
  assertEquals(complaints("export const a = 1;\n", "src\\x\\y.ts"), [missingModuleDoc, missingDoc]);
});
