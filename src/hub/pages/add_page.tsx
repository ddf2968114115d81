/** "Add a new integration": choose the type; linking, naming and saving continue on the draft's own page. */
import { type Context, Hono } from "hono";
import type { FC } from "hono/jsx";
import { type ConsoleEnv, requireSession } from "../access/console_session.ts";
import { HubProblem, type HubServices } from "../services.ts";
import { CsrfField } from "./components/form.tsx";
import { Steps } from "./components/steps.tsx";
import { readForm } from "./form.ts";
import { typeName } from "./names.ts";
import { paths } from "./paths.ts";
import { renderPage } from "./render.tsx";
import { createView, type View } from "./view.ts";

/** The types that can be added. */
const addableTypes = [
  { type: "csv", text: "typeCsvText" },
  { type: "database", text: "typeDatabaseText" },
] as const;

/** `/account/integrations/new`. */
export function addRoutes(services: HubServices): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();

  app.get(paths.newIntegration, requireSession(services), (context) => {
    const view = createView(context, context.var.session);
    if (!view.mayChange) throw new HubProblem("forbidden", "Viewers cannot add integrations.");
    return showTypes(context, view);
  });

  app.post(paths.newIntegration, requireSession(services), async (context) => {
    const view = createView(context, context.var.session);
    const read = await readForm(context);
    const chosen = addableTypes.find(({ type }) => type === read("type"));
    if (chosen === undefined) return showTypes(context, view, view.messages.addTypeMissing);
    const { type } = chosen;
    const draft = await services.integrations.create(context.var.actor, {
      // The installation shows it in its log when it is linked.
      name: view.messages.unnamedDraft,
      type,
      draft: true,
    });
    return context.redirect(paths.integration(draft.id), 303);
  });

  return app;
}

function showTypes(context: Context, view: View, error?: string): Promise<Response> {
  const { messages } = view;
  return renderPage(context, view, {
    title: messages.addTitle,
    trail: [
      { label: messages.integrations, href: paths.integrations },
      { label: messages.addTitle, href: paths.newIntegration },
    ],
    body: <TypeForm view={view} error={error} />,
    status: error === undefined ? 200 : 422,
    failed: error !== undefined,
  });
}

const TypeForm: FC<{ view: View; error: string | undefined }> = ({ view, error }) => {
  const { messages } = view;
  return (
    <>
      <h1>{messages.addTitle}</h1>
      <Steps view={view} current={0} />
      <form class="card" method="post" action={paths.newIntegration}>
        <CsrfField view={view} />
        <fieldset aria-describedby={error === undefined ? undefined : "type-error"}>
          <legend>{messages.addTypeLegend}</legend>
          {error && <p class="error" id="type-error" role="alert">{error}</p>}
          {addableTypes.map(({ type, text }, index) => (
            <label class="choice">
              <input type="radio" name="type" value={type} checked={index === 0} required />
              <span>
                <span class="strong">{typeName(view, type)}</span>
                <span class="hint">{messages[text]}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <div class="actions">
          <button class="primary" type="submit">{messages.addContinue}</button>
          <a class="button plain" href={paths.integrations}>{messages.cancel}</a>
        </div>
      </form>
    </>
  );
};
