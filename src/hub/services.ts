/**
 * What the hub's doors (REST, OAuth, console) need of what is behind them: the domain's types and small services.
 *
 * Every method that takes an {@linkcode Actor} sees only that actor's account, and refuses with {@linkcode HubProblem}
 * `forbidden` what its role does not allow, `not-found` what is not in its account. Instants are RFC 3339 in UTC.
 */
import type { Problem, ProblemCode, UnlinkReason } from "../protocol/problem.ts";
import type { BatchOrigin } from "../protocol/delivery.ts";
import type { AgentAnswer } from "../protocol/assignment.ts";
import type { DatabaseSource, DataType } from "../protocol/database.ts";
import type { DatabaseSettings, SettingsInput } from "./settings/database_settings.ts";
import type { RowFormat } from "./rows/row_stream.ts";

/** Who plans with the data. */
export interface Account {
  readonly id: string;
  readonly name: string;
}

/** `administrator` may do everything, `viewer` may only look. */
export const roles = ["administrator", "viewer"] as const;
/** What someone may do, see {@linkcode roles}; the same for users and API tokens. */
export type Role = (typeof roles)[number];

/** Someone who logs in. */
export interface User {
  readonly id: string;
  readonly account: Account;
  /** What is typed to log in. Unique in the hub. */
  readonly name: string;
  readonly role: Role;
  readonly createdAt: string;
}

/** Who asks: a user in a session, or a script with an API token. */
export interface Actor {
  readonly kind: "user" | "token";
  /** The user's or the token's id. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly account: Account;
  /** Network address of the request: for limits, never for rights. */
  readonly address: string;
}

/** Someone logged in. `secret` is in the cookie, `csrfToken` in every form. */
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
  /** Where it last came from. */
  readonly address: string;
  readonly linkedAt: string;
  readonly lastSeenAt: string | null;
  /** What waits there to be delivered, as last reported. */
  readonly waiting: { readonly batches: number; readonly bytes: number } | null;
}

/** Where several apply, what is still to be set up goes before what is wrong with the installation. */
export const integrationStates = [
  /** Added but not saved yet; may be linked already. */
  "draft",
  /** Saved, and no installation was ever linked. */
  "never-linked",
  /** Was linked once; `unlinkReason` says why it no longer is. */
  "unlinked",
  "online",
  /** Linked, but not heard from since `stateSince`. */
  "stale",
  "paused",
  /** Linked and online, but the agent reports what does not work, or what it sends cannot be loaded: `problem`. */
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
  "correct-query",
  "see-hub-log",
  "see-status",
] as const;
/**
 * One of {@linkcode nextSteps}; follows from the state, for a draft from whether it is linked, when failing from who says
 * so (the agent: `see-problem`, or the hub), and when online from whether data is missing (`see-status`).
 */
export type NextStep = (typeof nextSteps)[number];

/** One data source configured in the hub. */
export interface Integration {
  readonly id: string;
  readonly name: string;
  readonly type: "csv" | "database";
  readonly state: IntegrationStateName;
  /** Since when it is in this state, where that is known. */
  readonly stateSince: string | null;
  /** The agent's own words, one line with the remedy, or why the newest rows could not be loaded; only when failing. */
  readonly problem: string | null;
  /** Since when no live data has come, when a database integration is online and late by its schedule. */
  readonly noDataSince: string | null;
  /** Only when unlinked. */
  readonly unlinkReason: UnlinkReason | null;
  readonly nextStep: NextStep;
  readonly paused: boolean;
  readonly draft: boolean;
  readonly installation: Installation | null;
  /** Of a database integration that has been set up; secrets are not among them. */
  readonly settings: DatabaseSettings | null;
  /** The last test of the settings on the installation; its answer is the request's. */
  readonly test: { readonly id: string; readonly state: "waiting" | "ok" | "failed" } | null;
  /** Batches that have arrived and are not in the tables yet. */
  readonly loading: number;
  readonly importCount: number;
  /** Of whatever has arrived, history too. */
  readonly lastImportAt: string | null;
  readonly createdAt: string;
}

/**
 * `loaded`: the rows are in the table. `failed`: none of them could be taken, `error` says why. Files, and rows that wait
 * to be loaded, are `received`.
 */
export const importStates = ["received", "loaded", "failed"] as const;

/** One batch that has arrived whole. */
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

/** What is typed to log in, and what the browser kept of the last time. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
  /** `browser` of an earlier {@linkcode LoginResult}, whoever's it is. */
  readonly browser?: string | undefined;
}

/**
 * `secret` and `browser` are for cookies and are stored nowhere: the one is the session, the other tells at the next
 * login that this user was here before. `wrong` does not say whether there is such a user.
 */
export type LoginResult =
  | { readonly ok: true; readonly secret: string; readonly browser: string; readonly session: Session }
  | { readonly ok: false; readonly reason: "wrong" }
  | { readonly ok: false; readonly reason: "too-many"; readonly retryAfterSeconds: number };

/** Logging in and out. */
export interface Sessions {
  /** Takes the same time whether or not the user exists; limited per name, per address and in all. */
  logIn(credentials: Credentials, options: { address: string }): Promise<LoginResult>;
  /** The session of a cookie's secret, `undefined` when there is none (any longer). */
  find(secret: string): Promise<Session | undefined>;
  logOut(secret: string): Promise<void>;
  /** Who a bearer API token is, `undefined` when there is none. */
  findToken(token: string, options: { address: string }): Promise<Actor | undefined>;
}

/** What is configured. */
export interface Integrations {
  /** By name. */
  list(actor: Actor, options?: { cursor?: string | undefined; limit?: number | undefined }): Promise<Page<Integration>>;
  get(actor: Actor, id: string): Promise<Integration>;
  /**
   * A draft has a name too, e.g. that of its type, until it is saved (`change` with `draft: false`). A database
   * integration that is no draft needs its settings; wrong ones are told field by field (`SettingsProblem`).
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
  /** The linked agent hears of it at once; new settings are tested there. */
  change(
    actor: Actor,
    options: {
      id: string;
      name?: string | undefined;
      paused?: boolean | undefined;
      draft?: false | undefined;
      /** Joined to the present ones. */
      settings?: SettingsInput | undefined;
    },
  ): Promise<Integration>;
  /** Unlinks its installation. What was imported is no longer shown, and removed within hours. */
  remove(actor: Actor, id: string): Promise<void>;
}

/** The installation that shows a PIN. */
export interface PinShown extends Omit<Installation, "linkedAt"> {
  /** Since when. */
  readonly pinAt: string | null;
  /** What it is linked to now, which a new link would end; of another account nothing is told but that. */
  readonly linkedTo: Pick<Integration, "id" | "name" | "draft"> | "another account" | null;
}

/** Tying installations to integrations. */
export interface Linking {
  /**
   * Links the installation that shows `pin`. What was linked to the integration before is unlinked, and so is the
   * integration that this installation was linked to. Fails with {@linkcode HubProblem} `wrong-pin` (404) or
   * `too-many-requests` (429, `retryAfterSeconds`).
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
  /** The content, byte for byte; it has the import's `size`. */
  content(actor: Actor, id: string): Promise<{ import: Import; body: ReadableStream<Uint8Array<ArrayBuffer>> }>;
}

/** A time range: from inclusive, to exclusive. */
export interface Range {
  readonly from: string;
  readonly to: string;
}

/** `replaced`: newer batches have all of its time. `failed`: nothing of it could be taken. */
export const windowStates = ["current", "partly-replaced", "replaced", "failed"] as const;

/** A batch of rows that was loaded into its table. */
export interface LoadedWindow extends Range {
  readonly lane: "live" | "history";
  /** The agent's running number: for every instant the highest wins. */
  readonly sequence: number;
  readonly state: (typeof windowStates)[number];
  readonly rows: {
    /** That the query returned. */
    readonly source: number;
    /** That cannot be imported: found by the agent or here. */
    readonly refused: number;
    /** That came. */
    readonly batch: number;
    /** That went into the table. */
    readonly hub: number;
    /** That did not, because a newer batch had their time already. */
    readonly overtaken: number;
    /** That are in the table now. */
    readonly now: number;
  };
  /** The rows at the source, in the batch and here are the same number, but for those told as refused and overtaken. */
  readonly agrees: boolean;
  /** Why rows were refused: the first few. */
  readonly reasons: readonly string[];
  /** Only when failed. */
  readonly error: string | null;
  readonly receivedAt: string;
  readonly loadedAt: string;
}

/** What there is of an integration's rows. */
export interface RowsSummary {
  readonly dataType: DataType;
  readonly timeZone: string;
  readonly rows: number;
  /** In order of time, those that touch as one; the newest hundred. */
  readonly imported: readonly Range[];
  /** Between them. */
  readonly gaps: readonly Range[];
  /** Of the history, still to be read: newest first. */
  readonly historyLeft: Range | null;
  /** Windows with rows that were refused, newest first. */
  readonly refused: readonly LoadedWindow[];
  /** The last days, today last; days are those of `timeZone`. For agent status `contacts` are changes of activity. */
  readonly days: readonly { readonly day: string; readonly contacts: number; readonly answered: number }[];
}

/** The rows of database integrations. Refuses `conflict` for an integration without settings of a database. */
export interface Rows {
  summary(actor: Actor, integrationId: string): Promise<RowsSummary>;
  /** Newest first. */
  windows(
    actor: Actor,
    options: { integrationId: string; cursor?: string | undefined; limit?: number | undefined },
  ): Promise<Page<LoadedWindow>>;
  /** In order of time. */
  stream(
    actor: Actor,
    options: { integrationId: string; from?: string | undefined; to?: string | undefined; format: RowFormat },
  ): Promise<{ dataType: DataType; body: ReadableStream<Uint8Array<ArrayBuffer>> }>;
}

/** Something asked of the linked agent. */
export interface RequestState {
  readonly id: string;
  readonly type: "import-now" | "test";
  readonly createdAt: string;
  /** `null` until the agent has answered. */
  readonly answer: AgentAnswer | null;
}

/** What can be asked; a test without a source is one of the saved settings. */
export type NewRequest =
  | { readonly type: "import-now" }
  | { readonly type: "test"; readonly source?: DatabaseSource | undefined };

/** Asking the linked agent for something once. */
export interface Requests {
  create(
    actor: Actor,
    options: { integrationId: string; request: NewRequest },
  ): Promise<RequestState>;
  get(actor: Actor, options: { integrationId: string; id: string }): Promise<RequestState>;
}

/** Waiting for something to change. */
export interface Changes {
  /** Resolves at the next change of `topic` (an integration's id) after the call, or when the signal aborts. */
  next(topic: string, signal: AbortSignal): Promise<void>;
}

/** Everything the doors need. */
export interface HubServices {
  /** Where browsers and agents reach the hub: no path, no trailing slash in `origin`. */
  readonly publicUrl: URL;
  readonly sessions: Sessions;
  readonly integrations: Integrations;
  readonly linking: Linking;
  readonly imports: Imports;
  readonly rows: Rows;
  readonly requests: Requests;
  readonly changes: Changes;
}

/** A refusal that the asker is told as problem details (RFC 9457). */
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
