/** What an agent has stored about itself, for `status` when none is running. */
import type { Config } from "../config/config.ts";
import type { AgentStatus, LinkStatus } from "../control/status.ts";
import { errorText } from "../runtime/error_text.ts";
import { SpoolIndex } from "../spool/spool_index.ts";
import { knownIntegrationKey, lastImport } from "../state/integration.ts";
import { readLink } from "../state/link_store.ts";
import { readState } from "../state/state.ts";
import type { StateDatabase } from "../state/state_database.ts";
import { stateFolderOf } from "./state_folder.ts";

/** The state when the last agent ended. */
export interface StoredStatus {
  readonly link: LinkStatus;
  readonly waiting: AgentStatus["waiting"];
  readonly lastImport: AgentStatus["lastImport"];
}

const nothing: StoredStatus = {
  link: { state: "unlinked" },
  waiting: { batches: 0, bytes: 0, oldestAt: null },
  lastImport: null,
};

/** Reads it; `problem`: why it cannot be read. */
export async function storedStatus(config: Config): Promise<StoredStatus | { readonly problem: string }> {
  try {
    using database = await readState(stateFolderOf(config));
    return database === undefined ? nothing : statusIn(database);
  } catch (error) {
    return { problem: errorText(error) };
  }
}

function statusIn(database: StateDatabase): StoredStatus {
  const link = readLink(database)?.link;
  if (link === undefined) return nothing;
  const { id, account, integration } = link;
  const linked = { link: { state: "linked", id, account, integration } } as const;
  const key = knownIntegrationKey(database, { accountId: account.id, integrationId: integration.id });
  if (key === undefined) return { ...nothing, ...linked };
  const { batches, bytes, oldestAt } = new SpoolIndex(database).waiting(key);
  const last = lastImport(database, key);
  return {
    ...linked,
    waiting: { batches, bytes, oldestAt: oldestAt === undefined ? null : new Date(oldestAt).toISOString() },
    lastImport: last === undefined ? null : { name: last.name, at: new Date(last.at).toISOString() },
  };
}
