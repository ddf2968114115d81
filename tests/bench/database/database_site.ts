/** A hub and an installation that reads a database, each a process of the compiled executable. */
import type { TestServer } from "../../databases/postgresql.ts";
import { TestHub } from "../../e2e/hub.ts";
import { Installation, type Program } from "../../e2e/installation.ts";

/** Hub and agent, linked to an integration of the database. */
export class DatabaseSite implements AsyncDisposable {
  readonly hub: TestHub;
  readonly installation: Installation;
  readonly agent: Program;
  readonly integration: string;

  private constructor(parts: Pick<DatabaseSite, "hub" | "installation" | "agent" | "integration">) {
    this.hub = parts.hub;
    this.installation = parts.installation;
    this.agent = parts.agent;
    this.integration = parts.integration;
  }

  /** `settings` are those of the integration besides the connection. */
  static async start(
    server: TestServer,
    settings: Record<string, unknown>,
    options: { toml?: string } = {},
  ): Promise<DatabaseSite> {
    const hub = await TestHub.start();
    const installation = await Installation.make(hub.url, options);
    const agent = installation.start();
    const { host, port, database, user, password } = server;
    const { id } = await hub.ask("POST", "/api/v1/integrations", {
      name: "Bench",
      type: "database",
      settings: { host, port, database, user, password, timeZone: "UTC", everyMinutes: 15, ...settings },
    });
    await hub.connect(id, (await agent.waitFor(/Enter your pin: (\d{6})/))[1] ?? "");
    return new DatabaseSite({ hub, installation, agent, integration: id });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
    await this.hub[Symbol.asyncDispose]();
    await this.installation[Symbol.asyncDispose]();
  }
}
