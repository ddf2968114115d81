/**
 * The schema of the state database, as a list of steps. `PRAGMA user_version` counts the steps applied to a file. Never
 * change a released step: add another one.
 */

const initial = `
-- Whom this state belongs to; see owner.ts. One row.
CREATE TABLE owner (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  app_name TEXT NOT NULL,
  folder TEXT NOT NULL,
  machine_id TEXT
) STRICT;

-- The installation's key, and what the hub calls it. One row.
CREATE TABLE identity (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  private_key TEXT NOT NULL,
  client_id TEXT,
  hub_url TEXT
) STRICT;

-- The current link and its last assignment. One row while linked.
CREATE TABLE link (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  link TEXT NOT NULL,
  assignment TEXT,
  etag TEXT
) STRICT;

-- Every integration that this installation was ever linked to. Ledger and spool hang on it.
CREATE TABLE integration (
  key INTEGER PRIMARY KEY,
  account_id TEXT NOT NULL,
  integration_id TEXT NOT NULL,
  sequence INTEGER NOT NULL DEFAULT 0,
  acknowledged INTEGER NOT NULL DEFAULT 0,
  last_import_at INTEGER,
  last_import_name TEXT,
  last_error TEXT,
  last_error_at INTEGER,
  UNIQUE (account_id, integration_id)
) STRICT;

-- Contents of CSV files that were taken in: each once, whatever the file's name.
CREATE TABLE csv_content (
  integration INTEGER NOT NULL REFERENCES integration,
  sha256 TEXT NOT NULL,
  taken_at INTEGER NOT NULL,
  PRIMARY KEY (integration, sha256)
) STRICT, WITHOUT ROWID;

-- What each CSV file was when it was last read.
CREATE TABLE csv_file (
  integration INTEGER NOT NULL REFERENCES integration,
  path TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  modified_ms REAL NOT NULL,
  inode TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (integration, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX csv_file_content ON csv_file (integration, sha256);

-- The spool's index; the files are in spool/.
CREATE TABLE batch (
  id TEXT PRIMARY KEY,
  integration INTEGER NOT NULL REFERENCES integration,
  sequence INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'acknowledged', 'expired')),
  file TEXT NOT NULL UNIQUE,
  file_bytes INTEGER NOT NULL,
  declaration TEXT NOT NULL,
  stream TEXT,
  window_from INTEGER,
  window_to INTEGER,
  created_at INTEGER NOT NULL,
  acknowledged_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX batch_next ON batch (integration, state, lane, sequence, file_bytes, created_at);
CREATE INDEX batch_acknowledged ON batch (acknowledged_at) WHERE state = 'acknowledged';
CREATE INDEX batch_window ON batch (integration, stream, window_from) WHERE stream IS NOT NULL;
`;

const queryWindows = `
-- How far a database integration has been read; see window_ledger.ts. \`state\` is JSON.
CREATE TABLE query_source (
  integration INTEGER PRIMARY KEY REFERENCES integration,
  fingerprint TEXT NOT NULL,
  state TEXT NOT NULL,
  history_from INTEGER,
  last_regular INTEGER,
  accepted TEXT,
  revision INTEGER NOT NULL
) STRICT;

-- What each window held when it was last read. Times in ms.
CREATE TABLE query_window (
  integration INTEGER NOT NULL REFERENCES integration,
  window_from INTEGER NOT NULL,
  window_to INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  rows INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  batch TEXT NOT NULL,
  read_at INTEGER NOT NULL,
  PRIMARY KEY (integration, window_from, window_to)
) STRICT, WITHOUT ROWID;
CREATE INDEX query_window_batch ON query_window (integration, batch);
`;

const windowRevisions = `
CREATE INDEX query_window_revision ON query_window (integration, revision);
CREATE INDEX query_window_read ON query_window (integration, read_at);
`;

const readDatabases = `
-- Names the database that was read; NULL until a version that knows it has looked.
ALTER TABLE query_source ADD COLUMN database TEXT;
`;

const deletedIntegrations = `
-- When the hub said that the integration was deleted, in ms.
ALTER TABLE integration ADD COLUMN deleted_at INTEGER;
`;

/** The step that numbers what was acknowledged. */
export const acknowledgedOrder = `
-- Ascending in the order in which batches were acknowledged: the clock may have been set meanwhile.
ALTER TABLE batch ADD COLUMN acknowledged_order INTEGER;
UPDATE batch SET acknowledged_order = ordered.n FROM
  (SELECT id, row_number() OVER (ORDER BY acknowledged_at) AS n FROM batch WHERE state = 'acknowledged') AS ordered
  WHERE ordered.id = batch.id;
CREATE INDEX batch_acknowledged_order ON batch (integration, acknowledged_order) WHERE state = 'acknowledged';
`;

const linkEpochs = `
-- Of the hub's last link, NULL until a hub has told it, and the sequence up to which windows may have been replaced by
-- another installation; see link_epoch.ts.
ALTER TABLE integration ADD COLUMN epoch INTEGER;
ALTER TABLE integration ADD COLUMN outranked INTEGER NOT NULL DEFAULT 0;
`;

/** Every step, oldest first. */
export const migrations: readonly string[] = [
  initial,
  queryWindows,
  windowRevisions,
  readDatabases,
  deletedIntegrations,
  acknowledgedOrder,
  linkEpochs,
];
