/** The machines that the tests make: nothing of one may be left. */
import { assertEquals } from "../assert.ts";
import { Box } from "./box.ts";

/** As long as `box` waits for a shutdown and for its control groups. */
const patienceMs = 120_000;

Deno.test("nothing is left of a machine that is disposed of, and of one whose process is killed", async () => {
  let group: string;
  {
    await using box = await Box.start([]);
    group = await groupOf(box.folder);
  }
  assertEquals(await exists(group), false);

  const code = `import { Box } from "${new URL("box.ts", import.meta.url)}";
    const box = await Box.start([]); console.log(box.folder); setInterval(() => {}, 1000);`;
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", code], stdin: "null", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  const folder = new TextDecoder().decode((await reader.read()).value).trim();
  group = await groupOf(folder);
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  const deadline = performance.now() + patienceMs;
  while (await exists(folder) || await exists(group)) {
    if (performance.now() > deadline) throw new Error(`"${folder}" or "${group}" is left`);
    await new Promise<void>((resolve) => setTimeout(resolve, 100));
  }
});

async function groupOf(folder: string): Promise<string> {
  return (await Deno.readTextFile(`${folder}/cgroup`)).trim();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
