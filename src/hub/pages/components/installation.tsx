/** Which machine is connected, for comparison with the one that showed the PIN. */
import type { FC } from "hono/jsx";
import type { Installation } from "../../services.ts";
import type { View } from "../view.ts";
import { Instant } from "./instant.tsx";

/** What is known about the installation. */
export const InstallationFacts: FC<{ view: View; installation: Installation }> = ({ view, installation }) => {
  const { messages } = view;
  return (
    <dl class="facts">
      <div>
        <dt>{messages.hostName}</dt>
        <dd class="strong">{installation.hostName}</dd>
      </div>
      <div>
        <dt>{messages.system}</dt>
        <dd>{installation.system}</dd>
      </div>
      <div>
        <dt>{messages.address}</dt>
        <dd>{installation.address}</dd>
      </div>
      <div>
        <dt>{messages.version}</dt>
        <dd>{installation.version}</dd>
      </div>
      <div>
        <dt>{messages.serviceName}</dt>
        <dd>{installation.name}</dd>
      </div>
      <div>
        <dt>{messages.linkedSince}</dt>
        <dd>
          <Instant view={view} at={installation.linkedAt} />
        </dd>
      </div>
      <div>
        <dt>{messages.lastSeen}</dt>
        <dd>
          {installation.lastSeenAt === null ? messages.never : <Instant view={view} at={installation.lastSeenAt} />}
        </dd>
      </div>
    </dl>
  );
};
