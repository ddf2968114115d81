/** All integrations of the account, each with its state and what to do next. */
import { Hono } from "hono";
import type { FC } from "hono/jsx";
import { type ConsoleEnv, requireSession } from "../access/console_session.ts";
import type { HubServices, Integration, Page } from "../services.ts";
import { LastImport, StateBadge, StateNext, StateReason } from "./components/state.tsx";
import { integrationTitle, typeName } from "./names.ts";
import { paths } from "./paths.ts";
import { renderPage } from "./render.tsx";
import { createView, type View } from "./view.ts";

/** How many integrations one page shows. */
const integrationsPerPage = 50;

/** `/account/integrations`, and the redirect to it. */
export function listRoutes(services: HubServices): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  app.get(paths.home, (context) => context.redirect(paths.integrations, 303));
  app.get("/account", (context) => context.redirect(paths.integrations, 303));
  app.get(paths.integrations, requireSession(services), async (context) => {
    const view = createView(context, context.var.session);
    const integrations = await services.integrations.list(context.var.actor, {
      cursor: context.req.query("cursor"),
      limit: integrationsPerPage,
    });
    return renderPage(context, view, {
      title: view.messages.integrations,
      body: <IntegrationList view={view} integrations={integrations} />,
    });
  });
  return app;
}

const IntegrationList: FC<{ view: View; integrations: Page<Integration> }> = ({ view, integrations }) => {
  const { messages } = view;
  const add = view.mayChange && <a class="button primary" href={paths.newIntegration}>{messages.addIntegration}</a>;
  if (integrations.items.length === 0) {
    return (
      <>
        <h1>{messages.integrations}</h1>
        <div class="card empty">
          <p class="strong">{messages.noIntegrationsTitle}</p>
          <p>{messages.noIntegrationsText}</p>
          {add}
        </div>
      </>
    );
  }
  return (
    <>
      <div class="page-head">
        <h1>{messages.integrations}</h1>
        {add}
      </div>
      <ul class="integrations">
        {integrations.items.map((integration) => (
          <IntegrationItem key={integration.id} view={view} integration={integration} />
        ))}
      </ul>
      {integrations.next !== null && (
        <p>
          <a href={`${paths.integrations}?cursor=${encodeURIComponent(integrations.next)}`}>{messages.more}</a>
        </p>
      )}
    </>
  );
};

const IntegrationItem: FC<{ view: View; integration: Integration }> = ({ view, integration }) => {
  const { messages } = view;
  return (
    <li class="card">
      <div class="item-head">
        <h2>
          <a href={paths.integration(integration.id)}>{integrationTitle(view, integration)}</a>
        </h2>
        <StateBadge view={view} integration={integration} />
      </div>
      <p>
        <StateReason view={view} integration={integration} />{" "}
        <span class="next">
          <StateNext view={view} integration={integration} />
        </span>
      </p>
      <p class="hint">
        {typeName(view, integration.type)}
        {" · "}
        {messages.columnInstallation}: {integration.installation?.hostName ?? messages.noInstallation}
        {" · "}
        <LastImport view={view} integration={integration} />
      </p>
    </li>
  );
};
