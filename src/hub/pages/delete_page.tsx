/** Deleting an integration, on a page of its own that explains the consequences. */
import { Hono } from "hono";
import type { FC } from "hono/jsx";
import { type ConsoleEnv, requireSession } from "../access/console_session.ts";
import { HubProblem, type HubServices, type Integration } from "../services.ts";
import { ActionForm } from "./components/form.tsx";
import { setFlash } from "./flash.ts";
import { pathParameter, readForm } from "./form.ts";
import { integrationTitle } from "./names.ts";
import { paths } from "./paths.ts";
import { renderPage } from "./render.tsx";
import { createView, type View } from "./view.ts";

const page = `${paths.integrations}/:id/delete`;

/** `/account/integrations/{id}/delete`. */
export function deleteRoutes(services: HubServices): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  app.use(page, requireSession(services));

  app.get(page, async (context) => {
    const view = createView(context, context.var.session);
    const id = pathParameter(context, "id");
    const integration = await services.integrations.get(context.var.actor, id);
    if (!view.mayChange) throw new HubProblem("forbidden", "Viewers cannot delete integrations.");
    const name = integrationTitle(view, integration);
    const title = view.messages.deleteTitle({ name });
    return await renderPage(context, view, {
      title,
      trail: [
        { label: view.messages.integrations, href: paths.integrations },
        { label: name, href: paths.integration(id) },
        { label: view.messages.delete, href: paths.action(id, "delete") },
      ],
      body: <Confirmation view={view} integration={integration} title={title} />,
    });
  });

  app.post(page, async (context) => {
    await readForm(context);
    const id = pathParameter(context, "id");
    const { draft } = await services.integrations.get(context.var.actor, id);
    await services.integrations.remove(context.var.actor, id);
    setFlash(context, draft ? "flashDiscarded" : "flashDeleted");
    return context.redirect(paths.integrations, 303);
  });

  return app;
}

const Confirmation: FC<{ view: View; integration: Integration; title: string }> = ({ view, integration, title }) => {
  const { messages } = view;
  const { installation, draft, id } = integration;
  return (
    <>
      <h1>{title}</h1>
      <div class="card">
        <ul>
          {!draft && <li>{messages.deleteConsequenceImports}</li>}
          {installation && <li>{messages.deleteConsequenceLink({ hostName: installation.hostName })}</li>}
          <li>{messages.deleteConsequenceFiles}</li>
        </ul>
        <ActionForm view={view} action={paths.action(id, "delete")}>
          <div class="actions">
            <button class="danger" type="submit">{draft ? messages.discardDraft : messages.deleteConfirm}</button>
            <a class="button plain" href={paths.integration(id)}>{messages.cancel}</a>
          </div>
        </ActionForm>
      </div>
    </>
  );
};
