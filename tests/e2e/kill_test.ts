/** kill -9 of agent and hub while files arrive: nothing is lost, nothing doubled. And the proof that this can fail. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assert, assertEquals } from "../assert.ts";
import { projectFolder } from "../setup/executable.ts";
import { TestHub } from "./hub.ts";
import { killRounds } from "./kill_rounds.ts";

Deno.test("after 200 rounds of kill -9 every file is at the hub exactly once and byte for byte", async () => {
  await using hub = await TestHub.start();
  const { dropped, lost, doubled, changed, kills } = await killRounds({ rounds: 200, seed: 20260301, hub });
  assertEquals({ lost, doubled, changed }, { lost: [], doubled: [], changed: [] });
  assert(dropped > 200 && kills.agent > 50 && kills.hub > 50);
});

/** A kill finds it with a chance of a few percent, so some dozens are the rule. */
const roundsMax = 1000;

Deno.test("without the hub's idempotence the rounds of kill -9 find doubled files", async () => {
  const importMap = await sabotagedImportMap();
  try {
    const command = {
      path: Deno.execPath(),
      args: [
        "run",
        "--quiet",
        "--allow-all",
        "--no-check",
        `--import-map=${importMap}`,
        join(projectFolder, "main.ts"),
      ],
    };
    await using hub = await TestHub.start({ command });
    const enough = (imports: readonly { sha256: string }[]) =>
      new Set(imports.map(({ sha256 }) => sha256)).size < imports.length;
    const { doubled } = await killRounds({ rounds: roundsMax, seed: 20260302, hub, enough });
    assert(doubled.length > 0, "the rounds did not notice that the hub takes batches twice");
  } finally {
    await Deno.remove(importMap);
  }
});

/** The project's import map with the hub's delivery replaced. */
async function sabotagedImportMap(): Promise<string> {
  const { imports } = JSON.parse(await Deno.readTextFile(join(projectFolder, "deno.json")));
  for (const [name, target] of Object.entries(imports)) imports[`${name}/`] ??= `${target}/`.replace("npm:", "npm:/");
  const url = (path: string) => pathToFileURL(join(projectFolder, path)).href;
  const delivery = url("src/hub/delivery/delivery.ts");
  const sabotaged = url("tests/e2e/delivery_without_idempotence.ts");
  const file = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      imports: { ...imports, [delivery]: sabotaged },
      scopes: { [sabotaged]: { [delivery]: delivery } },
    }),
  );
  return file;
}
