/** Says whether the page updates itself, and is where the script learns of changes. */
import type { FC } from "hono/jsx";
import { paths } from "../paths.ts";
import type { View } from "../view.ts";

/** The note beside a heading. */
export const LiveNote: FC<{ view: View; integrationId: string }> = ({ view, integrationId }) => {
  const { messages } = view;
  const page = paths.integration(integrationId);
  return (
    <p
      class="hint live-note"
      role="status"
      data-live-source={paths.events(integrationId)}
      data-page={page}
      data-text={messages.importsLive}
      data-text-lost={messages.connectionLost}
    >
      <noscript>
        <a href={page}>{messages.importsRefresh}</a>
      </noscript>
    </p>
  );
};

/** Announces new imports to screen readers. */
export const LiveAnnouncement: FC<{ view: View }> = ({ view: { messages } }) => (
  <p
    class="visually-hidden"
    role="status"
    data-live-announcement
    data-text-one={messages.importsNewOne}
    data-text-other={messages.importsNewOther}
  >
  </p>
);
