/** Changing what a database integration reads, on a page of its own because the form is long. */
import { type Context, Hono } from "hono";
import { type ConsoleEnv, requireSession } from "../access/console_session.ts";
import { HubProblem, type HubServices } from "../services.ts";
import type { SettingsField, SettingsInput } from "../settings/database_settings.ts";
import type { SettingsFault } from "../settings/check_settings.ts";
import { faultText, SettingsProblem } from "../settings/store_settings.ts";
import { DatabaseForm } from "./components/database_form.tsx";
import { ActionForm } from "./components/form.tsx";
import { setFlash } from "./flash.ts";
import { pathParameter, readForm } from "./form.ts";
import { integrationTitle } from "./names.ts";
import { paths } from "./paths.ts";
import { renderPage } from "./render.tsx";
import { newValues, sentSettings, type SettingsValues, valuesOf } from "./settings_form.ts";
import { createView, type View } from "./view.ts";

const page = `${paths.integrations}/:id/settings`;

/** `/account/integrations/{id}/settings`. */
export function settingsRoutes(services: HubServices): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  app.use(page, requireSession(services));

  app.get(page, (context) => showSettings(context, { services }));

  app.post(page, async (context) => {
    const { values, input } = sentSettings(await readForm(context));
    const id = pathParameter(context, "id");
    try {
      await services.integrations.change(context.var.actor, { id, settings: input });
    } catch (error) {
      if (!(error instanceof SettingsProblem)) throw error;
      const errors = settingsErrors(createView(context, context.var.session), { input, faults: error.faults });
      return await showSettings(context, { services, sent: { values, errors } });
    }
    setFlash(context, "flashSettings");
    return context.redirect(paths.integration(id), 303);
  });

  return app;
}

/** Each field's error in the user's language, for a form that is shown again: without the secrets that were typed. */
export function settingsErrors(
  { messages }: View,
  { input, faults }: { input: SettingsInput; faults: readonly SettingsFault[] },
): Partial<Record<SettingsField, string>> {
  const secrets = (["password", "connectionString"] as const).filter((field) => input[field]);
  return {
    ...Object.fromEntries(secrets.map((field) => [field, messages.secretAgain])),
    ...Object.fromEntries(faults.map((fault) => [fault.field, faultText(messages, fault)])),
  };
}

async function showSettings(
  context: Context<ConsoleEnv>,
  { services, sent }: {
    services: HubServices;
    sent?: { values: SettingsValues; errors: Partial<Record<SettingsField, string>> };
  },
): Promise<Response> {
  const view = createView(context, context.var.session);
  const { messages } = view;
  const id = pathParameter(context, "id");
  const integration = await services.integrations.get(context.var.actor, id);
  if (integration.type !== "database") throw new HubProblem("not-found", "There is no such page.");
  if (!view.mayChange) throw new HubProblem("forbidden", "Viewers cannot change integrations.");
  const { settings } = integration;
  const name = integrationTitle(view, integration);
  return await renderPage(context, view, {
    title: messages.settingsTitle({ name }),
    trail: [
      { label: messages.integrations, href: paths.integrations },
      { label: name, href: paths.integration(id) },
      { label: messages.settingsHeading, href: paths.action(id, "settings") },
    ],
    body: (
      <>
        <h1>{messages.settingsTitle({ name })}</h1>
        <div class="card">
          <ActionForm view={view} action={paths.action(id, "settings")}>
            <DatabaseForm
              view={view}
              values={sent?.values ?? (settings === null ? newValues(services.clock.now()) : valuesOf(settings))}
              errors={sent?.errors ?? {}}
              secretSet={settings !== null && (settings.passwordSet || settings.connectionStringSet)}
            />
            <p class="hint">{messages.settingsTested}</p>
            <div class="actions">
              <button class="primary" type="submit">{messages.save}</button>
              <a class="button plain" href={paths.integration(id)}>{messages.cancel}</a>
            </div>
          </ActionForm>
        </div>
      </>
    ),
    status: sent === undefined ? 200 : 422,
    failed: sent !== undefined,
  });
}
