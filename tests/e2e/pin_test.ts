/** PINs as the manual tells its users to handle them. */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { assert, assertEquals } from "../assert.ts";
import { TestHub } from "./hub.ts";
import { Installation } from "./installation.ts";

const pinLine = /Enter your pin: (\d{6}) \(expires in 5 minutes\)/;

Deno.test("a PIN that is copied while linked links to another integration after the first one is deleted", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  await using agent = installation.start();
  const first = await hub.addIntegration("First");
  await hub.connect(first, (await agent.waitFor(pinLine))[1] ?? "");
  await agent.waitFor(/Linked to the integration First/);
  const copied = await installation.pin();
  const second = await hub.addIntegration("Second");
  await hub.ask("DELETE", `/api/v1/integrations/${first}`);
  await agent.waitFor(/has ended: its integration was deleted/);
  await hub.connect(second, copied);
  await agent.waitFor(/Linked to the integration Second/);
});

Deno.test("a PIN that has expired links nothing; restarted, the agent has a new one in its log", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  const integration = await hub.addIntegration();
  let expired: string;
  {
    await using agent = installation.start();
    expired = (await agent.waitFor(pinLine))[1] ?? "";
    using database = new DatabaseSync(join(hub.folder, "data", "hub.db"));
    database.exec("PRAGMA busy_timeout = 10000; UPDATE device SET expiresAt = 1");
    const path = `/api/v1/integrations/${integration}/link`;
    const refused = await hub.request("POST", path, { pin: expired });
    assertEquals(refused.status, 404, await refused.text());
  }
  await using agent = installation.start();
  await agent.waitFor(pinLine);
  const fresh = pinLine.exec(await installation.log())?.[1] ?? "";
  assert(fresh !== expired, "the expired PIN is shown again");
  await hub.connect(integration, fresh);
  await agent.waitFor(/Linked to the integration/);
});
