/** The compiled executable where symbolic links lead to its folders. */
import { join } from "node:path";
import { assertEquals, assertMatch } from "../assert.ts";
import { TestHub } from "./hub.ts";
import { Installation } from "./installation.ts";

/** Folders elsewhere: two with a file each, and a link through which the first is reached. */
async function linkedFolders(): Promise<AsyncDisposable & { root: string; link: string }> {
  const root = await Deno.makeTempDir({ prefix: "cloud-link-elsewhere-" });
  for (const name of ["first", "second"]) {
    await Deno.mkdir(join(root, name, "csv"), { recursive: true });
    await Deno.writeTextFile(join(root, name, "csv", `${name}.csv`), `${name}\n`);
  }
  const link = join(root, "link");
  await Deno.symlink(join(root, "first"), link);
  return { root, link, [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
}

Deno.test("an import folder and a state folder behind links work; where a link is changed, a restart follows it", async () => {
  await using hub = await TestHub.start();
  await using elsewhere = await linkedFolders();
  const { root, link } = elsewhere;
  await using installation = await Installation.make(hub.url, {
    toml: `[app]\nimportDirectory = "${join(link, "csv")}"`,
  });
  await Deno.mkdir(join(root, "state"));
  await Deno.symlink(join(root, "state"), installation.path("state"));
  const integration = await hub.addIntegration();
  {
    await using agent = installation.start();
    await hub.connect(integration, (await agent.waitFor(/Enter your pin: (\d{6})/))[1] ?? "");
    await hub.waitForImports(integration, 1);
    assertMatch((await installation.command("check")).printed, /ok +Import folder .*it contains 1 CSV file/);
    await Deno.remove(link);
    await Deno.symlink(join(root, "second"), link);
    await agent.waitFor(
      /Cannot read the import folder .*not where it was when the agent started\. Restart the agent\./,
    );
    const { code, printed } = await installation.command("check");
    assertEquals(code, 1);
    assertMatch(printed, /FAILED +Import folder .*not where it was when the agent started\n.*→ Restart the agent/);
    await agent.stop();
  }
  await using _agent = installation.start();
  const imports = await hub.waitForImports(integration, 2);
  assertEquals(imports.map(({ fileName }) => fileName), ["second.csv", "first.csv"]);
});
