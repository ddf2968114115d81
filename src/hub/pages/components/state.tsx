/** How an integration is doing: the state, why, and what to do next. */
import type { FC } from "hono/jsx";
import type { TextKey } from "../../i18n/messages.ts";
import type { Integration, IntegrationStateName, NextStep } from "../../services.ts";
import type { View } from "../view.ts";
import { Instant } from "./instant.tsx";
import { WithCode } from "./with_code.tsx";

const labels: Readonly<Record<IntegrationStateName, TextKey>> = {
  draft: "stateDraft",
  "never-linked": "stateNeverLinked",
  unlinked: "stateNeverLinked",
  online: "stateOnline",
  stale: "stateStale",
  paused: "statePaused",
  failing: "stateFailing",
};

/** The state in a word; its colour adds no information. */
export const StateBadge: FC<{ view: View; integration: Integration }> = ({ view, integration }) => {
  if (integration.noDataSince !== null) return <span class="state state-late">{view.messages.stateLate}</span>;
  const { state } = integration;
  return <span class={`state state-${state}`}>{view.messages[labels[state]]}</span>;
};

/** Why it is in that state. */
export const StateReason: FC<{ view: View; integration: Integration }> = ({ view, integration }) => {
  const { messages, format } = view;
  switch (integration.state) {
    case "draft":
      return <>{messages.stateDraftReason}</>;
    case "never-linked":
      return <>{messages.stateNeverLinkedReason}</>;
    case "unlinked":
      return (
        <>
          {integration.unlinkReason === "given-up" ? messages.stateGivenUpReason : messages.stateUnlinkedReason}
        </>
      );
    case "stale": {
      const since = integration.installation?.lastSeenAt ?? integration.stateSince;
      if (since === null) return <>{messages.stateStaleNeverReason}</>;
      return (
        <>
          {messages.stateStaleReason} <Instant view={view} at={since} />.
        </>
      );
    }
    case "paused":
      return <>{messages.statePausedReason}</>;
    case "failing":
      if (integration.nextStep === "see-hub-log") return <>{messages.stateHubFailingReason}</>;
      return (
        <>
          {integration.nextStep === "correct-query" ? messages.stateNotLoadedReason : messages.stateFailingReason}{" "}
          <q class="report">{integration.problem ?? ""}</q>
        </>
      );
    case "online": {
      if (integration.noDataSince !== null) {
        return (
          <>
            {messages.stateLateReason} <Instant view={view} at={integration.noDataSince} />.
          </>
        );
      }
      const batches = integration.installation?.waiting?.batches ?? 0;
      if (batches === 0) {
        return <>{integration.lastImportAt === null ? messages.stateConnectedReason : messages.stateOnlineReason}</>;
      }
      return <>{messages.stateWaitingReason({ count: batches, number: format.number(batches) })}</>;
    }
  }
};

const steps: Readonly<Record<NextStep, (TextKey) | undefined>> = {
  none: undefined,
  save: "stateDraftSaveNext",
  connect: "stateConnectNext",
  "check-host": "stateStaleNext",
  resume: "statePausedNext",
  "see-problem": "stateFailingNext",
  "check-settings": "stateFailingDatabaseNext",
  "correct-query": "stateNotLoadedNext",
  "see-hub-log": "stateHubFailingNext",
  "see-status": "stateLateNext",
};

/** What to do now; nothing when all is well. */
export const StateNext: FC<{ view: View; integration: Integration }> = ({ view, integration }) => {
  const key = steps[integration.nextStep];
  return key === undefined ? null : <WithCode text={view.messages[key]} />;
};

/** When something last arrived: being connected does not mean that data is coming in. */
export const LastImport: FC<{ view: View; integration: Integration }> = ({ view, integration }) => {
  const { lastImportAt } = integration;
  return (
    <>
      {view.messages.lastImport}:{" "}
      {lastImportAt === null ? view.messages.never : <Instant view={view} at={lastImportAt} />}
    </>
  );
};
