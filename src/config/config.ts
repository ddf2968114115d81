/** The effective configuration of one installation: parsed, checked and complete. `load.ts` makes it from the TOML. */

import type { DailyWindow } from "../runtime/daily_window.ts";

/** Sections as in the TOML, values in the units used by the code. Paths are absolute. */
export interface Config {
  /** The installation folder (real path), which contains the TOML, log and state, and which relative paths refer to. */
  readonly folder: string;
  /** Path of the TOML, whether or not it exists. */
  readonly file: string;
  readonly app: {
    /** The service's identity, e.g. `com.injixo.cloud-link`. */
    readonly name: string;
    readonly verbose: boolean;
    /** Absolute path. */
    readonly importDirectory: string;
  };
  readonly hub: {
    /** Origin of the hub, without path. */
    readonly url: URL;
    /** Absolute path of a PEM file with additional certificate authorities. */
    readonly caFile?: string;
    /** Only a link to this account (its id or name) is accepted. */
    readonly account?: string;
    /**
     * Host patterns of object stores in addition to `injixo-*.s3-eu-west-1.amazonaws.com`; `*` stands for part of one
     * label.
     */
    readonly objectStoreHosts: readonly string[];
  };
  readonly csv: {
    /** A file whose writer was not seen to close it counts as finished after being unchanged for this long, in ms. */
    readonly settleMs: number;
    /** How often the folder is read even without events, in ms. */
    readonly pollMs: number;
  };
  readonly spool: {
    /** Maximum size of waiting and kept batches, in bytes. */
    readonly bytesMax: number;
    /** How much of the disk is left free, in bytes. */
    readonly freeBytesMin: number;
    /** How long acknowledged batches are kept, in days, in case a hub is restored from a backup. */
    readonly keepDays: number;
  };
  readonly upload: {
    /** Bandwidth limit for batches, in bytes per second; absent: unlimited. */
    readonly bytesPerSecondMax?: number;
    /** Outside it, CSV files and history wait; absent: they are sent at any time. */
    readonly window?: DailyWindow;
  };
  readonly database: {
    /** The connection that the installation keeps to itself; absent: the hub's is used. */
    readonly kept?: KeptConnection;
    /** The kind of database behind `kept`; absent: as in the integration. */
    readonly type?: DatabaseType;
    /** Where the password of the kept connection is. */
    readonly password?: PasswordPlace;
    /** `false`: a query that was changed in the hub is used only once it is accepted here. */
    readonly allowQueryChanges: boolean;
  };
}

/** Kinds of databases, as the hub names them. */
export const databaseTypes = ["mssql", "mysql", "postgresql", "odbc", "sqlite"] as const;
/** One of {@linkcode databaseTypes}. */
export type DatabaseType = (typeof databaseTypes)[number];

/** A database connection of the TOML, without its password. */
export type KeptConnection =
  | { readonly by: "connectionString"; readonly connectionString: string }
  | { readonly by: "file"; readonly file: string }
  | {
    readonly by: "parts";
    readonly host: string;
    readonly port?: number;
    readonly database: string;
    readonly user?: string;
    readonly trustServerCertificate?: true;
  };

/** Where a password is stored, so that the configuration can be shown and posted without containing it. */
export type PasswordPlace =
  /** Absolute path. */
  | { readonly in: "file"; readonly path: string }
  /** Name of a file in `$CREDENTIALS_DIRECTORY`. */
  | { readonly in: "credential"; readonly name: string };
