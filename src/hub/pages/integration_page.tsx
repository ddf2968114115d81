/**
 * One integration. A draft's page is the rest of "Add a new integration": link, name, save. A saved one shows its
 * state, the section "injixo Cloud Link", its imports and the available actions.
 */
import type { Context } from "hono";
import type { Child, FC } from "hono/jsx";
import type { ConsoleEnv } from "../access/console_session.ts";
import { nameLengthMax } from "../limits.ts";
import type { HubServices, Import, Integration, LoadedWindow, Page, RequestState, RowsSummary } from "../services.ts";
import type { SettingsField } from "../settings/database_settings.ts";
import { CloudLink } from "./components/cloud_link.tsx";
import { DatabaseForm } from "./components/database_form.tsx";
import { DataSection } from "./components/data_section.tsx";
import { SettingsSection } from "./components/settings_section.tsx";
import { ActionForm, Field } from "./components/form.tsx";
import { Imports } from "./components/imports.tsx";
import { LastImport, StateBadge, StateNext, StateReason } from "./components/state.tsx";
import { Steps } from "./components/steps.tsx";
import type { ConsoleOptions } from "./console_options.ts";
import { integrationTitle, typeName } from "./names.ts";
import { paths } from "./paths.ts";
import { renderPage } from "./render.tsx";
import { newValues, type SettingsValues, valuesOf } from "./settings_form.ts";
import { createView, type View } from "./view.ts";

/** How many imports or windows one page shows: few, because on a phone each takes several lines. */
const importsPerPage = 10;

/** An invalid input to a form on this page. */
export interface FormProblem {
  readonly field: "pin" | "name" | "settings";
  readonly message: string;
  /** What was typed, for correction. */
  readonly typed?: string;
  /** The settings sent with it. */
  readonly settings?: {
    readonly values: SettingsValues;
    readonly errors: Partial<Record<SettingsField, string>>;
  };
  readonly status: 404 | 409 | 422 | 429;
}

/** Responds with the integration's page. */
export async function showIntegration(
  context: Context<ConsoleEnv>,
  id: string,
  options: { services: HubServices; console: ConsoleOptions; problem?: FormProblem },
): Promise<Response> {
  const { services, problem } = options;
  const view = createView(context, context.var.session);
  const integration = await services.integrations.get(context.var.actor, id);
  const cursor = context.req.method === "GET" ? context.req.query("cursor") : undefined;
  const title = integration.draft ? view.messages.addTitle : integration.name;
  const props = {
    view,
    integration,
    problem,
    downloads: options.console.downloads ?? [],
    nowMs: services.clock.now(),
  };
  return await renderPage(context, view, {
    title,
    trail: [
      { label: view.messages.integrations, href: paths.integrations },
      { label: title, href: paths.integration(id) },
    ],
    body: integration.draft ? <DraftPage {...props} /> : (
      <SavedPage {...props}>
        {await arrived(context, { services, view, integration, cursor })}
      </SavedPage>
    ),
    status: problem?.status ?? 200,
    failed: problem !== undefined,
  });
}

/** What the integration reads and what has arrived: files, or rows. */
async function arrived(
  context: Context<ConsoleEnv>,
  options: { services: HubServices; view: View; integration: Integration; cursor: string | undefined },
): Promise<Child> {
  const { services, view, integration, cursor } = options;
  const { actor } = context.var;
  const page = { integrationId: integration.id, cursor, limit: importsPerPage };
  const older = cursor !== undefined;
  const { settings, test } = integration;
  if (settings === null) {
    const imports: Page<Import> = await services.imports.list(actor, page);
    return <Imports view={view} integrationId={integration.id} imports={imports} older={older} />;
  }
  const summary: RowsSummary = await services.rows.summary(actor, integration.id);
  const windows: Page<LoadedWindow> = await services.rows.windows(actor, page);
  const request: RequestState | undefined = test === null
    ? undefined
    : await services.requests.get(actor, { integrationId: integration.id, id: test.id });
  return (
    <>
      <DataSection view={view} integration={integration} summary={summary} windows={windows} older={older} />
      <SettingsSection view={view} integration={integration} settings={settings} test={request} />
    </>
  );
}

interface Props {
  readonly view: View;
  readonly integration: Integration;
  readonly problem: FormProblem | undefined;
  readonly downloads: ConsoleOptions["downloads"] & object;
  readonly nowMs: number;
}

const DraftPage: FC<Props> = ({ view, integration, problem, downloads, nowMs }) => {
  const { messages } = view;
  const linked = integration.installation !== null;
  return (
    <>
      <h1>{messages.addTitle}</h1>
      <Steps view={view} current={linked ? 2 : 1} />
      <CloudLink view={view} integration={integration} downloads={downloads} pinError={messageFor(problem, "pin")} />
      <section class="card" aria-labelledby="save">
        <h2 id="save">{messages.saveHeading}</h2>
        {linked && view.mayChange
          ? (
            <ActionForm view={view} action={paths.action(integration.id, "save")}>
              <p>{messages.saveText}</p>
              <NameField view={view} value={problem?.typed ?? ""} error={messageFor(problem, "name")} />
              {integration.type === "database" && (
                <DatabaseForm
                  view={view}
                  values={problem?.settings?.values ??
                    (integration.settings === null ? newValues(nowMs) : valuesOf(integration.settings))}
                  errors={problem?.settings?.errors ?? {}}
                  secretSet={integration.settings !== null &&
                    (integration.settings.passwordSet || integration.settings.connectionStringSet)}
                />
              )}
              <button class="primary" type="submit">{messages.save}</button>
            </ActionForm>
          )
          : <p class="hint">{messages.saveAfterLink}</p>}
      </section>
      {view.mayChange && (
        <p>
          <a class="danger-link" href={paths.action(integration.id, "delete")}>{messages.discardDraft}</a>
        </p>
      )}
    </>
  );
};

const SavedPage: FC<Props & { children?: Child }> = (props) => {
  const { view, integration, problem, downloads, children } = props;
  return (
    <>
      <div class="page-head">
        <h1>{integrationTitle(view, integration)}</h1>
        <span class="hint">{typeName(view, integration.type)}</span>
      </div>
      <div class={`status-line status-${integration.state}`} data-live="state">
        <StateBadge view={view} integration={integration} />
        <p>
          <StateReason view={view} integration={integration} />{" "}
          <span class="next">
            <StateNext view={view} integration={integration} />
          </span>
          <span class="hint">
            <LastImport view={view} integration={integration} />
          </span>
        </p>
      </div>
      <CloudLink view={view} integration={integration} downloads={downloads} pinError={messageFor(problem, "pin")} />
      {children}
      {view.mayChange && <Manage view={view} integration={integration} problem={problem} />}
    </>
  );
};

const Manage: FC<Omit<Props, "downloads" | "nowMs">> = ({ view, integration, problem }) => {
  const { messages } = view;
  return (
    <section class="card manage" aria-labelledby="manage">
      <h2 id="manage">{messages.manageHeading}</h2>
      <ActionForm view={view} action={paths.action(integration.id, "rename")}>
        <NameField view={view} value={problem?.typed ?? integration.name} error={messageFor(problem, "name")}>
          <button type="submit">{messages.rename}</button>
        </NameField>
      </ActionForm>
      <ActionForm view={view} action={paths.action(integration.id, integration.paused ? "resume" : "pause")}>
        <p id="pause-text">{integration.paused ? messages.resumeText : messages.pauseText}</p>
        <button type="submit" aria-describedby="pause-text">
          {integration.paused ? messages.resume : messages.pause}
        </button>
      </ActionForm>
      <div class="last">
        <p id="delete-text">{messages.deleteText}</p>
        <a class="button danger" href={paths.action(integration.id, "delete")} aria-describedby="delete-text">
          {messages.delete}
        </a>
      </div>
    </section>
  );
};

const NameField: FC<{ view: View; value: string; error: string | undefined; children?: Child }> = (
  { view, value, error, children },
) => (
  <Field
    view={view}
    name="name"
    label={view.messages.nameLabel}
    hint={view.messages.nameHint}
    error={error}
    input={{ type: "text", required: true, maxlength: nameLengthMax, autocomplete: "off", value }}
  >
    {children}
  </Field>
);

function messageFor(problem: FormProblem | undefined, field: FormProblem["field"]): string | undefined {
  return problem?.field === field ? problem.message : undefined;
}
