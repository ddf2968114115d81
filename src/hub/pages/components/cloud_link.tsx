/** The section "injixo Cloud Link" of an integration: the connected installation, or the field for a PIN. */
import type { FC } from "hono/jsx";
import type { Integration } from "../../services.ts";
import type { View } from "../view.ts";
import { type Download, Downloads } from "./downloads.tsx";
import { InstallationFacts } from "./installation.tsx";
import { LiveNote } from "./live_note.tsx";
import { PinForm } from "./pin_form.tsx";

/** For {@linkcode CloudLink}. */
export interface CloudLinkProps {
  readonly view: View;
  readonly integration: Integration;
  readonly downloads: readonly Download[];
  /** What is wrong with the PIN that was sent. */
  readonly pinError?: string | undefined;
}

/** The section. */
export const CloudLink: FC<CloudLinkProps> = ({ view, integration, downloads, pinError }) => {
  const { messages } = view;
  const { installation } = integration;
  const pinForm = <PinForm view={view} integrationId={integration.id} error={pinError} />;
  return (
    <section class="card" aria-labelledby="cloud-link">
      <div class="section-head">
        <h2 id="cloud-link">{messages.cloudLinkHeading}</h2>
        {/* A saved integration has the note beside its imports. */}
        {integration.draft && installation !== null && <LiveNote view={view} integrationId={integration.id} />}
      </div>
      {installation === null
        ? (
          <>
            <Downloads view={view} downloads={downloads} />
            {view.mayChange ? pinForm : <p>{messages.stateNeverLinkedReason}</p>}
          </>
        )
        : (
          <>
            <div data-live="installation">
              <h3>{messages.linkedTo}</h3>
              <InstallationFacts view={view} installation={installation} />
            </div>
            <p class="hint">{messages.linkedCheck}</p>
            {view.mayChange && (
              <details class="reveal" open={pinError !== undefined}>
                <summary>{messages.connectNew}</summary>
                <p>{messages.connectNewText({ hostName: installation.hostName })}</p>
                <Downloads view={view} downloads={downloads} />
                {pinForm}
              </details>
            )}
          </>
        )}
    </section>
  );
};
