/** What no other file mentions is not exported: so a reader knows what others may depend on. */
import { fileURLToPath } from "node:url";
import { assertEquals } from "../assert.ts";
import { filesIn } from "../files_in.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Types are left out: those of an exported function's parameters are exported with it. */
const exported = /^export (?:async )?(?:const|class|function\*?) (\w+)/gm;

Deno.test("every exported value is used by another file, or in the example of its own", async () => {
  const folders = ["src", "tests", "installer", "systemd", "licenses"].map((folder) => `${root}${folder}`);
  const paths = [`${root}main.ts`, ...(await Promise.all(folders.map(filesIn))).flat()];
  const texts = await Promise.all(
    paths.filter((path) => /\.tsx?$/.test(path)).map(async (path) => ({ path, text: await Deno.readTextFile(path) })),
  );
  const words = texts.map(({ path, text }) => ({ path, words: new Set(text.match(/\w+/g)) }));
  const unused = texts.filter(({ path }) => path.startsWith(`${root}src/`)).flatMap(({ path, text }) =>
    [...text.matchAll(exported)].map(([, name = ""]) => name).filter((name) =>
      !words.some((other) => other.path !== path && other.words.has(name)) && !inExample(text, name)
    ).map((name) => `${path.slice(root.length)}: ${name}`)
  );
  assertEquals(unused, []);
});

function inExample(text: string, name: string): boolean {
  return [...text.matchAll(/^ *\* ```ts$([^]*?)^ *\* ```$/gm)].some(([, code = ""]) => code.includes(`${name}(`));
}
