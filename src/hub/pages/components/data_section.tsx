/** What has been imported by queries: the chart, the time ranges, the gaps, what was refused, and each window. */
import type { FC } from "hono/jsx";
import type { TextKey } from "../../i18n/messages.ts";
import type { Integration, LoadedWindow, Page, Range, RowsSummary } from "../../services.ts";
import { paths } from "../paths.ts";
import type { View } from "../view.ts";
import { Chart } from "./chart.tsx";
import { Instant } from "./instant.tsx";
import { LiveAnnouncement, LiveNote } from "./live_note.tsx";

/** How many time ranges are listed: the newest. */
const rangesListed = 5;

/** For {@linkcode DataSection}. */
export interface DataSectionProps {
  readonly view: View;
  readonly integration: Integration;
  readonly summary: RowsSummary;
  readonly windows: Page<LoadedWindow>;
  /** Not the newest page: it does not change. */
  readonly older: boolean;
}

/** Both sections. */
export const DataSection: FC<DataSectionProps> = (props) => {
  const { view, integration, summary, windows, older } = props;
  const { messages } = view;
  const page = paths.integration(integration.id);
  return (
    <>
      <section class="card" aria-labelledby="data">
        <div class="section-head">
          <h2 id="data">{messages.importedHeading}</h2>
          {!older && <LiveNote view={view} integrationId={integration.id} />}
        </div>
        {!older && <LiveAnnouncement view={view} />}
        <div data-live={older ? undefined : "data"}>
          <Summary view={view} integration={integration} summary={summary} />
        </div>
      </section>
      <section class="card" aria-labelledby="windows">
        <div class="section-head">
          <h2 id="windows">{messages.windowsHeading}</h2>
          {older && <a href={page}>{messages.importsNewest}</a>}
        </div>
        <p class="hint">{messages.windowsText}</p>
        <div data-live={older ? undefined : "windows"}>
          {windows.items.length === 0 ? <p class="hint">{messages.importsEmpty}</p> : <Windows {...props} />}
          {windows.next !== null && (
            <p>
              <a href={`${page}?cursor=${encodeURIComponent(windows.next)}`}>{messages.windowsOlder}</a>
            </p>
          )}
        </div>
      </section>
    </>
  );
};

const Summary: FC<{ view: View; integration: Integration; summary: RowsSummary }> = (props) => {
  const { view, integration, summary } = props;
  const { messages, format } = view;
  const { imported, gaps, historyLeft, refused } = summary;
  return (
    <>
      {integration.loading > 0 && (
        <p class="hint">
          {messages.loadingNow({ count: integration.loading, number: format.number(integration.loading) })}
        </p>
      )}
      {imported.length === 0
        ? (
          <div class="empty">
            <p class="strong">{messages.importsEmpty}</p>
            <p class="hint">{messages.importedEmptyNext}</p>
          </div>
        )
        : (
          <>
            <Chart view={view} summary={summary} />
            <dl class="facts even">
              <div>
                <dt>{messages.columnRows}</dt>
                <dd class="strong">{format.number(summary.rows)}</dd>
              </div>
              <Ranges view={view} term={messages.importedRanges} ranges={imported} />
              <Ranges view={view} term={messages.importedGaps} ranges={gaps} />
              {historyLeft && <Ranges view={view} term={messages.historyLeft} ranges={[historyLeft]} />}
            </dl>
            <p>
              <a href={paths.rows(integration.id, "spreadsheet")} download>{messages.downloadCsv}</a>
              {" · "}
              <a href={paths.rows(integration.id, "json")} download>{messages.downloadJson}</a>
            </p>
          </>
        )}
      {refused.length > 0 && <Refused view={view} windows={refused} />}
    </>
  );
};

const Ranges: FC<{ view: View; term: string; ranges: readonly Range[] }> = ({ view, term, ranges }) => {
  const shown = ranges.slice(-rangesListed).reverse();
  const more = ranges.length - shown.length;
  return (
    <div>
      <dt>{term}</dt>
      {shown.map((range) => (
        <dd>
          <RangeText view={view} range={range} />
        </dd>
      ))}
      {shown.length === 0 && <dd>{view.messages.noGaps}</dd>}
      {more > 0 && <dd class="hint">{view.messages.rangesMore({ number: view.format.number(more) })}</dd>}
    </div>
  );
};

const RangeText: FC<{ view: View; range: Range }> = ({ view, range }) => (
  <>
    <Instant view={view} at={range.from} /> – <Instant view={view} at={range.to} />
  </>
);

const Refused: FC<{ view: View; windows: readonly LoadedWindow[] }> = ({ view, windows }) => {
  const { messages, format } = view;
  return (
    <div class="notice refused">
      <h3>{messages.refusedHeading}</h3>
      <p>{messages.refusedText}</p>
      <ul>
        {windows.map((window) => (
          <li>
            <RangeText view={view} range={window} />: {messages.refusedRows({
              refused: format.number(window.rows.refused),
              rows: format.number(window.rows.source),
            })}
            <ul>{window.reasons.map((reason) => <li key={reason}>{reason}</li>)}</ul>
          </li>
        ))}
      </ul>
    </div>
  );
};

const states: Readonly<Record<LoadedWindow["state"], TextKey>> = {
  current: "windowCurrent",
  "partly-replaced": "windowPartlyReplaced",
  replaced: "windowReplaced",
  failed: "windowFailed",
};

/** The roles are explicit because on a phone the style sheet shows the rows as blocks, which would remove them. */
const Windows: FC<DataSectionProps> = ({ view, windows }) => {
  const { messages, format } = view;
  const number = (label: string, value: number) => (
    <td role="cell" class="number" data-label={label}>{format.number(value)}</td>
  );
  return (
    <table class="imports" role="table" aria-labelledby="windows">
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">{messages.columnWindow}</th>
          <th scope="col" role="columnheader" class="number">{messages.columnSource}</th>
          <th scope="col" role="columnheader" class="number">{messages.columnRefused}</th>
          <th scope="col" role="columnheader" class="number">{messages.columnBatch}</th>
          <th scope="col" role="columnheader" class="number">{messages.columnHub}</th>
          <th scope="col" role="columnheader">{messages.columnState}</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {windows.items.map((window) => (
          <tr role="row" data-key={`${window.sequence}-${window.loadedAt}`}>
            <th scope="row" role="rowheader">
              <RangeText view={view} range={window} />
              {window.error !== null && <span class="error">{messages.errorPrefix}{window.error}</span>}
            </th>
            {number(messages.columnSource, window.rows.source)}
            {number(messages.columnRefused, window.rows.refused)}
            {number(messages.columnBatch, window.rows.batch)}
            {number(messages.columnHub, window.rows.hub)}
            <td role="cell" data-label={messages.columnState}>
              <span class={window.agrees ? "agrees" : "error"}>
                {window.agrees ? messages.windowAgrees : messages.windowDiffers}
              </span>
              <span class="hint">{messages[states[window.state]]}</span>
              {window.rows.overtaken > 0 && (
                <span class="hint">{messages.windowOvertaken({ number: format.number(window.rows.overtaken) })}</span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
};
