/** What a database integration reads, and the result of the last test of it on its installation. */
import type { FC } from "hono/jsx";
import type { Integration, RequestState } from "../../services.ts";
import { connectionFields, type DatabaseSettings } from "../../settings/database_settings.ts";
import { databaseTypeName, dataTypeName } from "../names.ts";
import { paths } from "../paths.ts";
import type { View } from "../view.ts";
import { ActionForm } from "./form.tsx";
import { Instant } from "./instant.tsx";

/** For {@linkcode SettingsSection}. */
export interface SettingsSectionProps {
  readonly view: View;
  readonly integration: Integration;
  readonly settings: DatabaseSettings;
  /** The last test with its answer. */
  readonly test: RequestState | undefined;
}

/** The section. */
export const SettingsSection: FC<SettingsSectionProps> = ({ view, integration, settings, test }) => {
  const { messages } = view;
  return (
    <section class="card" aria-labelledby="settings">
      <div class="section-head">
        <h2 id="settings">{messages.settingsHeading}</h2>
        {view.mayChange && <a href={paths.action(integration.id, "settings")}>{messages.settingsChange}</a>}
      </div>
      <Facts view={view} settings={settings} />
      <details>
        <summary>{messages.queryLabel}</summary>
        <pre tabindex={0}><code>{settings.query}</code></pre>
      </details>
      <div data-live="test">
        <TestResult view={view} integration={integration} test={test} />
      </div>
      {view.mayChange && integration.installation !== null && (
        <ActionForm view={view} action={paths.action(integration.id, "test")}>
          <button type="submit">{messages.testAgain}</button>
        </ActionForm>
      )}
    </section>
  );
};

const Facts: FC<{ view: View; settings: DatabaseSettings }> = ({ view, settings }) => {
  const { messages, format } = view;
  const status = settings.dataType === "agent-status";
  const facts: [string, string][] = [
    [messages.databaseTypeLabel, databaseTypeName(view, settings.databaseType)],
    [messages.connectionLabel, connectionText(view, settings)],
    ...settings.trustServerCertificate ? [[messages.trustLabel, messages.yes] as [string, string]] : [],
    [messages.dataTypeLabel, dataTypeName(view, settings.dataType)],
    [messages.timeZoneLabel, settings.timeZone],
    [messages.everyLabel, format.duration(settings.everyMinutes * 60)],
    [messages.historyLabel, settings.history === null ? messages.historyNone : format.day(settings.history)],
    ...status
      ? [
        [messages.reconciliationLabel, settings.reconciliation ? messages.yes : messages.no] as [string, string],
        [messages.realTimeLabel, settings.realTime ? messages.yes : messages.no] as [string, string],
      ]
      : [],
  ];
  return (
    <dl class="facts even">
      {facts.map(([term, text]) => (
        <div>
          <dt>{term}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
};

function connectionText({ messages }: View, settings: DatabaseSettings): string {
  if (settings.kept) return messages.keptShown;
  switch (connectionFields(settings.databaseType)) {
    case "file":
      return settings.file ?? "";
    case "connectionString":
      return messages.secretShown;
    case "parts": {
      const user = settings.user === null ? "" : `${settings.user}@`;
      const port = settings.port === null ? "" : `:${settings.port}`;
      return `${user}${settings.host}${port}/${settings.database}`;
    }
  }
}

const TestResult: FC<Omit<SettingsSectionProps, "settings">> = ({ view, integration, test }) => {
  const { messages, format } = view;
  const answer = test?.answer;
  if (!answer) {
    const online = integration.state === "online" || integration.state === "failing";
    const text = test !== undefined && online ? messages.testRunning : messages.testLater;
    return (
      <div class="test">
        <h3>{messages.testHeading}</h3>
        <p class="hint" role="status">{text}</p>
      </div>
    );
  }
  const { preview } = answer;
  return (
    <div class="test">
      <h3>{messages.testHeading}</h3>
      <p class={answer.ok ? "result good" : "result bad"} role="status">
        <span class="strong">{answer.ok ? messages.testOk : messages.testFailed}</span> {answer.message}
      </p>
      <p class="hint">
        {messages.testAsked} <Instant view={view} at={test.createdAt} />
      </p>
      {preview && (
        <div class="scroll" tabindex={0} role="region" aria-label={messages.previewLabel}>
          <table class="preview">
            <caption>
              {messages.previewCaption({
                count: preview.rowCount,
                number: format.number(preview.rowCount),
                shown: preview.rows.length < preview.rowCount ? format.number(preview.rows.length) : undefined,
              })}
            </caption>
            <thead>
              <tr>{preview.columns.map((name) => <th key={name} scope="col">{name}</th>)}</tr>
            </thead>
            <tbody>
              {preview.rows.map((row) => (
                <tr>
                  {row.map((value, index) => (
                    <td key={String(index)}>{value === null ? <em class="hint">NULL</em> : value}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
};
