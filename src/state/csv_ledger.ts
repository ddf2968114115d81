/**
 * What has been taken in from the CSV folder, per integration: contents by their SHA-256 (each once, whatever its name)
 * and files by size, time and inode (unchanged ones are not reread).
 */
import type { IntegrationKey } from "./integration.ts";
import type { StateDatabase } from "./state_database.ts";

/** A file as it was last read. */
export interface ReadFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  /** Inode number, as text; `""` if there is none. */
  readonly inode: string;
  /** SHA-256 of the content. */
  readonly sha256: string;
}

/**
 * The ledger of one integration, which serves as the `CsvLedger` of `source/csv_intake.ts`. Functions that write take
 * part in the caller's transaction, if there is one.
 */
export interface CsvLedger {
  hasContent(sha256: string): boolean;
  /** The file as it was last read; `undefined` if it never was. */
  file(path: string): ReadFile | undefined;
  /** Records a file whose content has been taken in (now or before). */
  record(file: ReadFile, options: { at: number }): void;
  /** Forgets files that `keep` no longer wants (they are gone); their contents stay known. */
  forgetFiles(keep: (path: string) => boolean): void;
}

/** The ledger of the integration. */
export function csvLedger(database: StateDatabase, key: IntegrationKey): CsvLedger {
  return {
    hasContent: (sha256) =>
      database.get("SELECT 1 AS found FROM csv_content WHERE integration = ? AND sha256 = ?", key, sha256) !==
        undefined,
    file(path) {
      const row = database.get<{ bytes: number; modified_ms: number; inode: string; sha256: string }>(
        "SELECT bytes, modified_ms, inode, sha256 FROM csv_file WHERE integration = ? AND path = ?",
        key,
        path,
      );
      if (row === undefined) return undefined;
      return { path, bytes: row.bytes, modifiedMs: row.modified_ms, inode: row.inode, sha256: row.sha256 };
    },
    record: (file, { at }) =>
      database.transaction(() => {
        database.run("INSERT OR IGNORE INTO csv_content VALUES (?, ?, ?)", key, file.sha256, at);
        database.run(
          "INSERT OR REPLACE INTO csv_file VALUES (?, ?, ?, ?, ?, ?)",
          key,
          file.path,
          file.bytes,
          file.modifiedMs,
          file.inode,
          file.sha256,
        );
      }),
    forgetFiles: (keep) =>
      database.transaction(() => {
        for (const { path } of database.all<{ path: string }>("SELECT path FROM csv_file WHERE integration = ?", key)) {
          if (!keep(path)) database.run("DELETE FROM csv_file WHERE integration = ? AND path = ?", key, path);
        }
      }, { relaxed: true }),
  };
}

/**
 * Forgets that a content was taken in. With `reread` its files are read again as they are; without, only when they are
 * saved again.
 */
export function forgetCsvContent(
  database: StateDatabase,
  key: IntegrationKey,
  options: { sha256: string; reread: boolean },
): void {
  database.run("DELETE FROM csv_content WHERE integration = ? AND sha256 = ?", key, options.sha256);
  if (options.reread) {
    database.run("DELETE FROM csv_file WHERE integration = ? AND sha256 = ?", key, options.sha256);
  }
}
