/** The current link and the last assignment, kept so that extraction continues while the hub is unreachable. */
import { getLogger } from "@logtape/logtape";
import { Assignment } from "../protocol/assignment.ts";
import { Link } from "../protocol/linking.ts";
import { integrationKey, integrationNameOf, outnumber, setDeleted } from "./integration.ts";
import { enterEpoch } from "./link_epoch.ts";
import type { StateDatabase } from "./state_database.ts";

const log = getLogger(["cloud-link", "database"]);

/** A link and its assignment: every new link starts without one. */
export interface StoredLink {
  readonly link: Link;
  /** `undefined` until the first one arrived, or if a version with other assignments stored it. */
  readonly assignment: Assignment | undefined;
}

/** The current link, `undefined` while unlinked. */
export function readLink(database: StateDatabase): StoredLink | undefined {
  const row = database.get<{ link: string; assignment: string | null }>("SELECT link, assignment FROM link");
  if (row === undefined) return undefined;
  const link = Link.parse(JSON.parse(row.link));
  if (row.assignment === null) return { link, assignment: undefined };
  const assignment = Assignment.safeParse(JSON.parse(row.assignment));
  return { link, assignment: assignment.data };
}

/**
 * Stores a link, or `undefined` for none. The assignment is kept if it is the same link, with other names; another link's
 * is forgotten.
 */
export function writeLink(database: StateDatabase, link: Link | undefined): void {
  database.transaction(() => {
    if (link !== undefined && readLink(database)?.link.id === link.id) {
      database.run("UPDATE link SET link = ?", JSON.stringify(link));
      return;
    }
    // The assignment may hold a password: deleted data is overwritten, see state_database.ts.
    database.run("DELETE FROM link");
    if (link !== undefined) database.run("INSERT INTO link (one, link) VALUES (1, ?)", JSON.stringify(link));
  });
  database.forget();
}

/**
 * Records that the link has ended, and whether its integration was deleted: then what waits for it can never be sent.
 */
export function endLink(database: StateDatabase, link: Link, options: { deletedAt: number | undefined }): void {
  const key = integrationKey(database, integrationNameOf(link));
  if (options.deletedAt !== undefined) setDeleted(database, key, options.deletedAt);
  writeLink(database, undefined);
}

/**
 * Stores the assignment of the current link, continues with higher sequence numbers than the hub has, and has everything
 * read again if another installation was linked in between. Does nothing if another link is current by now.
 */
export function writeAssignment(database: StateDatabase, assignment: Assignment): void {
  const { link, received, epoch } = assignment;
  const isReadAgain = database.transaction(() => {
    if (readLink(database)?.link.id !== link.id) return false;
    const key = integrationKey(database, integrationNameOf(link));
    const again = epoch !== undefined && enterEpoch(database, key, epoch);
    outnumber(database, key, received.sequence ?? 0);
    database.run(
      "UPDATE link SET link = ?, assignment = ?",
      JSON.stringify(link),
      JSON.stringify(assignment),
    );
    return again;
  });
  if (!isReadAgain) return;
  log.info(
    "Another installation was linked to this integration in between, and may have replaced rows: all are read again.",
  );
}
