/** What has arrived, newest first. */
import type { FC } from "hono/jsx";
import type { Import, Page } from "../../services.ts";
import { paths } from "../paths.ts";
import type { View } from "../view.ts";
import { LiveAnnouncement, LiveNote } from "./live_note.tsx";
import { Instant } from "./instant.tsx";

/** For {@linkcode Imports}. */
export interface ImportsProps {
  readonly view: View;
  readonly integrationId: string;
  readonly imports: Page<Import>;
  /** Not the newest page: it does not change. */
  readonly older: boolean;
}

/** The section with one page of imports. */
export const Imports: FC<ImportsProps> = ({ view, integrationId, imports, older }) => {
  const { messages } = view;
  const page = paths.integration(integrationId);
  return (
    <section class="card" aria-labelledby="imports">
      <div class="section-head">
        <h2 id="imports">{messages.importsHeading}</h2>
        {older ? <a href={page}>{messages.importsNewest}</a> : <LiveNote view={view} integrationId={integrationId} />}
      </div>
      {!older && <LiveAnnouncement view={view} />}
      <div data-live={older ? undefined : "imports"}>
        {imports.items.length === 0
          ? (
            <div class="empty">
              <p class="strong">{messages.importsEmpty}</p>
              <p>{messages.importsEmptyNext}</p>
            </div>
          )
          : <ImportsTable view={view} items={imports.items} />}
        {imports.next !== null && (
          <p>
            <a href={`${page}?cursor=${encodeURIComponent(imports.next)}`}>{messages.importsOlder}</a>
          </p>
        )}
      </div>
    </section>
  );
};

/** The roles are explicit because on a phone the style sheet shows the rows as blocks, which would remove them. */
const ImportsTable: FC<{ view: View; items: readonly Import[] }> = (props) => {
  const { view, items } = props;
  const { messages, format } = view;
  return (
    <table class="imports" role="table" aria-labelledby="imports">
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">{messages.columnFile}</th>
          <th scope="col" role="columnheader" class="number">{messages.columnSize}</th>
          <th scope="col" role="columnheader" class="number">{messages.columnRows}</th>
          <th scope="col" role="columnheader">{messages.columnReceived}</th>
          <th scope="col" role="columnheader">{messages.columnChecksum}</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {items.map((item) => (
          <tr role="row" data-key={item.id}>
            <th scope="row" role="rowheader">
              <a
                href={paths.content(item.id)}
                aria-label={messages.downloadContent({ file: item.fileName })}
                download
              >
                {item.fileName}
              </a>
              {item.error !== null && <span class="error">{messages.errorPrefix}{item.error}</span>}
            </th>
            <td role="cell" class="number" data-label={messages.columnSize}>{format.bytes(item.size)}</td>
            <td role="cell" class="number" data-label={messages.columnRows}>{format.number(item.rows)}</td>
            <td role="cell" data-label={messages.columnReceived}>
              <Instant view={view} at={item.receivedAt} />
            </td>
            <td role="cell" data-label={messages.columnChecksum}>
              <code class="hash">{item.sha256}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
};
