/** `[upload]` as an administrator meets it: the log, `status` and `check` of the compiled agent. */
import { assertEquals, assertMatch } from "../assert.ts";
import { TestHub } from "./hub.ts";
import { Installation } from "./installation.ts";

/** A time of day some hours from now, on this machine's clock. */
function inHours(hours: number): string {
  return Temporal.Now.plainTimeISO().add({ hours }).toString({ smallestUnit: "minute" });
}

Deno.test("files wait for the time window, and log, status and check say so", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url, {
    toml: `[upload]\nmaxBytesPerSecond = 100000\nwindow = "${inHours(6)}-${inHours(9)}"`,
  });
  const integration = await hub.addIntegration();
  {
    await using agent = installation.start();
    await agent.waitFor(/Enter your pin/);
    await hub.connect(integration, await installation.pin());
    await agent.waitFor(/Linked to the integration/);
    await installation.drop("calls.csv", "a;b\n1;2\n");
    await agent.waitFor(
      /CSV files and history wait for the time window \d\d:\d\d-\d\d:\d\d \(\[upload\] window\), until/,
    );
    const status = await installation.command("status");
    assertMatch(
      status.printed,
      /^Note +CSV files and history wait for the time window .* until \d{4}-\d\d-\d\d \d\d:\d\d/m,
    );
    assertMatch(status.printed, /^Waiting +1 /m);
    const check = await installation.command("check");
    assertEquals(check.code, 0, check.printed);
    assertMatch(check.printed, /^ok +Uploads +at most 100000 bytes a second; .* they wait until \d{4}-/m);
    await agent.stop();
  }
  assertEquals(await hub.imports(integration), []);
  await installation.configure(hub.url, { toml: `[upload]\nwindow = "${inHours(-1)}-${inHours(1)}"` });
  await using _agent = installation.start();
  await hub.waitForImports(integration, 1);
});
