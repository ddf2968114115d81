/**
 * What the hub's interfaces (REST, OAuth, console) need from the domain: its types and small services.
 *
 * Every method that takes an {@linkcode Actor} sees only that actor's account, and refuses with {@linkcode HubProblem}
 * `forbidden` what its role does not allow, `not-found` what is not in its account. Instants are RFC 3339 in UTC.
 */
import type { Clock } from "../runtime/clock.ts";
import type { Problem, ProblemCode, UnlinkReason } from "../protocol/problem.ts";
import type { BatchOrigin } from "../protocol/delivery.ts";
import type { AgentAnswer } from "../protocol/assignment.ts";
import type { DatabaseSource, DataType } from "../protocol/database.ts";
import type { DatabaseSettings, SettingsInput } from "./settings/database_settings.ts";
import type { RowFormat } from "./rows/row_stream.ts";

/** A customer, whose planners use the data. */
export interface Account {
  readonly id: string;
  readonly name: string;
}

/** `administrator` may do everything, `viewer` may only look. */
export const roles = ["administrator", "viewer"] as const;
/** What someone may do, see {@linkcode roles}; the same for users and API tokens. */
export type Role = (typeof roles)[number];

/** Someone who can log in. */
export interface User {
  readonly id: string;
  readonly account: Account;
  /** The login name, unique in the hub. */
  readonly name: string;
  readonly role: Role;
  readonly createdAt: string;
}

/** Who makes a request: a user in a session, or a script with an API token. */
export interface Actor {
  readonly kind: "user" | "token";
  /** The user's or the token's id. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly account: Account;
  /** Network address of the request: used for limits, never for authorization. */
  readonly address: string;
}

/** A logged-in user. `secret` is in the cookie, `csrfToken` in every form. */
export interface Session {
  readonly user: User;
  readonly csrfToken: string;
  readonly expiresAt: string;
}

/** One agent in one folder. */
export interface Installation {
  readonly id: string;
  readonly hostName: string;
  readonly version: string;
  /** Operating system, release and architecture. */
  readonly system: string;
  /** `[app] name`. */
  readonly name: string;
  /** The address it last connected from. */
  readonly address: string;
  readonly linkedAt: string;
  readonly lastSeenAt: string | null;
  /** What waits there for delivery, as last reported. */
  readonly waiting: { readonly batches: number; readonly bytes: number } | null;
}

/** When several apply, missing setup takes precedence over problems of the installation. */
export const integrationStates = [
  /** Added but not saved yet; may already be linked. */
  "draft",
  /** Saved, but never linked to an installation. */
  "never-linked",
  /** Was linked before; `unlinkReason` says why it no longer is. */
  "unlinked",
  "online",
  /** Linked, but not heard from since `stateSince`. */
  "stale",
  "paused",
  /** Linked and online, but the agent reports a problem, or what it sends cannot be loaded: `problem`. */
  "failing",
] as const;
/** One of {@linkcode integrationStates}. */
export type IntegrationStateName = (typeof integrationStates)[number];

/** What the administrator should do now. */
export const nextSteps = [
  "none",
  "save",
  "connect",
  "check-host",
  "resume",
  "see-problem",
  "check-settings",
  "correct-query",
  "see-hub-log",
  "see-status",
] as const;
/**
 * One of {@linkcode nextSteps}; follows from the state; for a draft, from whether it is linked; when failing, from who
 * reports the problem (the agent: `see-problem`, or `check-settings` if it reads a database; or the hub); and when
 * online, from whether data is missing (`see-status`).
 */
export type NextStep = (typeof nextSteps)[number];

/** One data source configured in the hub. */
export interface Integration {
  readonly id: string;
  readonly name: string;
  readonly type: "csv" | "database";
  readonly state: IntegrationStateName;
  /** Since when it has been in this state, if known. */
  readonly stateSince: string | null;
  /** The agent's own words, one line with the remedy, or why the newest rows could not be loaded; only when failing. */
  readonly problem: string | null;
  /** Since when no live data has arrived, if a database integration is online but late by its schedule. */
  readonly noDataSince: string | null;
  /** Only when unlinked. */
  readonly unlinkReason: UnlinkReason | null;
  readonly nextStep: NextStep;
  readonly paused: boolean;
  readonly draft: boolean;
  readonly installation: Installation | null;
  /** Of a database integration that has been set up; without secrets. */
  readonly settings: DatabaseSettings | null;
  /** The last test of the settings on the installation; its answer is in the request. */
  readonly test: { readonly id: string; readonly state: "waiting" | "ok" | "failed" } | null;
  /** Batches that have arrived but are not in the tables yet. */
  readonly loading: number;
  readonly importCount: number;
  /** Of anything that has arrived, including history. */
  readonly lastImportAt: string | null;
  readonly createdAt: string;
}

/**
 * `loaded`: the rows are in the table. `failed`: none could be loaded, `error` says why. Files, and rows waiting to be
 * loaded, are `received`.
 */
export const importStates = ["received", "loaded", "failed"] as const;

/** A completely received batch. */
export interface Import {
  readonly id: string;
  readonly integrationId: string;
  readonly fileName: string;
  /** In bytes. */
  readonly size: number;
  /** Of the content, hexadecimal. */
  readonly sha256: string;
  /** Lines of a CSV file; rows of a query. */
  readonly rows: number;
  readonly state: (typeof importStates)[number];
  readonly receivedAt: string;
  /** Only when failed. */
  readonly error: string | null;
  readonly origin: BatchOrigin;
}

/** A page of a list; `next` is the cursor of the next one, `null` at the end. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** What the user typed to log in, and what the browser kept from the last time. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
  /** `browser` of an earlier {@linkcode LoginResult}, possibly another user's. */
  readonly browser?: string | undefined;
}

/**
 * `secret` and `browser` are for cookies and not stored: the first is the session, the second shows at the next login
 * that this user has logged in here before. `wrong` does not reveal whether the user exists.
 */
export type LoginResult =
  | { readonly ok: true; readonly secret: string; readonly browser: string; readonly session: Session }
  | { readonly ok: false; readonly reason: "wrong" }
  | { readonly ok: false; readonly reason: "too-many"; readonly retryAfterSeconds: number };

/** Logging in and out. */
export interface Sessions {
  /** Takes the same time whether or not the user exists; limited per name, per address and in total. */
  logIn(credentials: Credentials, options: { address: string }): Promise<LoginResult>;
  /** The session for a cookie's secret; `undefined` if there is none, or no longer. */
  find(secret: string): Promise<Session | undefined>;
  logOut(secret: string): Promise<void>;
  /** The owner of a bearer API token; `undefined` if there is none. */
  findToken(token: string, options: { address: string }): Promise<Actor | undefined>;
}

/** The configured integrations. */
export interface Integrations {
  /** By name. */
  list(actor: Actor, options?: { cursor?: string | undefined; limit?: number | undefined }): Promise<Page<Integration>>;
  get(actor: Actor, id: string): Promise<Integration>;
  /**
   * Until it is saved (`change` with `draft: false`), a draft has a placeholder name. A database integration
   * that is not a draft needs its settings; errors are reported per field (`SettingsProblem`).
   */
  create(
    actor: Actor,
    integration: {
      name: string;
      type: "csv" | "database";
      draft?: boolean | undefined;
      settings?: SettingsInput | undefined;
    },
  ): Promise<Integration>;
  /** The linked agent is notified at once; new settings are tested there. */
  change(
    actor: Actor,
    options: {
      id: string;
      name?: string | undefined;
      paused?: boolean | undefined;
      draft?: false | undefined;
      /** Merged into the current ones. */
      settings?: SettingsInput | undefined;
    },
  ): Promise<Integration>;
  /** Unlinks its installation. What was imported is no longer shown, and is removed within hours. */
  remove(actor: Actor, id: string): Promise<void>;
}

/** The installation that shows a PIN. */
export interface PinShown extends Omit<Installation, "linkedAt"> {
  /** Since when. */
  readonly pinAt: string | null;
  /**
   * The integration it is linked to now, whose link a new one would end; for another account, only that there is one.
   */
  readonly linkedTo: Pick<Integration, "id" | "name" | "draft"> | "another account" | null;
}

/** Linking installations to integrations. */
export interface Linking {
  /**
   * Links the installation that shows `pin`. Ends the previous links of the integration and of the installation. Fails
   * with {@linkcode HubProblem} `wrong-pin` (404) or `too-many-requests` (429, `retryAfterSeconds`).
   */
  connect(actor: Actor, options: { integrationId: string; pin: string }): Promise<Installation>;
  /** The installation that shows `pin`, without linking it; the same limits and errors. */
  look(actor: Actor, pin: string): Promise<PinShown>;
}

/** What has arrived. */
export interface Imports {
  /** Newest first. */
  list(
    actor: Actor,
    options: { integrationId: string; cursor?: string | undefined; limit?: number | undefined },
  ): Promise<Page<Import>>;
  get(actor: Actor, id: string): Promise<Import>;
  /** The content, byte for byte; its length is the import's `size`. */
  content(actor: Actor, id: string): Promise<{ import: Import; body: ReadableStream<Uint8Array<ArrayBuffer>> }>;
}

/** A time range: from inclusive, to exclusive. */
export interface Range {
  readonly from: string;
  readonly to: string;
}

/** `replaced`: other batches own all of its time. `failed`: none of it could be loaded. */
export const windowStates = ["current", "partly-replaced", "replaced", "failed"] as const;

/** A batch of rows that was loaded into its table. */
export interface LoadedWindow extends Range {
  readonly lane: "live" | "history";
  /** The agent's sequence number: for every instant the highest wins. */
  readonly sequence: number;
  readonly state: (typeof windowStates)[number];
  readonly rows: {
    /** Returned by the query. */
    readonly source: number;
    /** Not importable, according to the agent or the hub. */
    readonly refused: number;
    /** Received. */
    readonly batch: number;
    /** Loaded into the table. */
    readonly hub: number;
    /** Not loaded, because another batch already owned their time. */
    readonly overtaken: number;
    /** In the table now. */
    readonly now: number;
  };
  /**
   * The numbers of rows at the source, in the batch and here agree, apart from those reported as refused or overtaken.
   */
  readonly agrees: boolean;
  /** Why rows were refused: the first few. */
  readonly reasons: readonly string[];
  /** Only when failed. */
  readonly error: string | null;
  readonly receivedAt: string;
  readonly loadedAt: string;
}

/** Overview of an integration's rows. */
export interface RowsSummary {
  readonly dataType: DataType;
  readonly timeZone: string;
  readonly rows: number;
  /** In chronological order, adjacent ones merged; the newest hundred. */
  readonly imported: readonly Range[];
  /** Between them. */
  readonly gaps: readonly Range[];
  /** The part of the history still to be read; newest is read first. */
  readonly historyLeft: Range | null;
  /** Windows with rows that were refused, newest first. */
  readonly refused: readonly LoadedWindow[];
  /** The last days, today last, in `timeZone`. For agent status, `contacts` counts changes of activity. */
  readonly days: readonly { readonly day: string; readonly contacts: number; readonly answered: number }[];
}

/** The rows of database integrations. Refuses with `conflict` an integration without database settings. */
export interface Rows {
  summary(actor: Actor, integrationId: string): Promise<RowsSummary>;
  /** Newest first. */
  windows(
    actor: Actor,
    options: { integrationId: string; cursor?: string | undefined; limit?: number | undefined },
  ): Promise<Page<LoadedWindow>>;
  /** In chronological order. */
  stream(
    actor: Actor,
    options: { integrationId: string; from?: string | undefined; to?: string | undefined; format: RowFormat },
  ): Promise<{ dataType: DataType; body: ReadableStream<Uint8Array<ArrayBuffer>> }>;
}

/** A request to the linked agent. */
export interface RequestState {
  readonly id: string;
  readonly type: "import-now" | "test";
  readonly createdAt: string;
  /** `null` until the agent has answered. */
  readonly answer: AgentAnswer | null;
}

/** The possible requests; a test without a source uses the saved settings. */
export type NewRequest =
  | { readonly type: "import-now" }
  | { readonly type: "test"; readonly source?: DatabaseSource | undefined };

/** One-off requests to the linked agent. */
export interface Requests {
  create(
    actor: Actor,
    options: { integrationId: string; request: NewRequest },
  ): Promise<RequestState>;
  get(actor: Actor, options: { integrationId: string; id: string }): Promise<RequestState>;
}

/** Waiting for changes. */
export interface Changes {
  /** Resolves at the next change of `topic` (an integration's id) after the call, or when the signal aborts. */
  next(topic: string, signal: AbortSignal): Promise<void>;
}

/** Everything the interfaces need. */
export interface HubServices {
  /** Where browsers and agents reach the hub: no path, no trailing slash in `origin`. */
  readonly publicUrl: URL;
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly integrations: Integrations;
  readonly linking: Linking;
  readonly imports: Imports;
  readonly rows: Rows;
  readonly requests: Requests;
  readonly changes: Changes;
}

/** A refusal, sent to the caller as problem details (RFC 9457). */
export class HubProblem extends Error {
  override readonly name = "HubProblem";
  readonly code: ProblemCode;
  readonly reason: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly errors: Problem["errors"];
  constructor(
    code: ProblemCode,
    detail: string,
    options: {
      reason?: string | undefined;
      retryAfterSeconds?: number | undefined;
      errors?: Problem["errors"];
      cause?: unknown;
    } = {},
  ) {
    super(detail, { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.errors = options.errors;
  }
}
