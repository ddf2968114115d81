/** Limits of the hub that its users meet, or that several of its parts share; others are with the part they concern. */
import { partBytesMax, wholeBatchesMax, wholePayloadBytesMax } from "../protocol/delivery.ts";

/** A number of attempts within a window: the next one has to wait until the oldest has left it. */
export interface AttemptLimit {
  readonly attemptsMax: number;
  readonly windowMs: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Limits of wrong PINs; see {@linkcode wrongPinLimits}. */
export interface WrongPinLimits {
  readonly user: AttemptLimit;
  /** An IPv6 /64 counts as one address. */
  readonly address: AttemptLimit;
  readonly all: AttemptLimit;
  /** Like `all`, for accounts that entered a wrong PIN within `rememberedMs`. */
  readonly suspects: AttemptLimit & { readonly rememberedMs: number };
}

/**
 * Wrong PINs. A PIN lives for five minutes, and in any five minutes the whole hub takes no more than 60 wrong ones: so
 * however many users and addresses take part, a given PIN is hit with a probability of 60 in a million.
 *
 * A global limit is also a lever: whoever uses it up keeps others from linking. So its last third is reserved for
 * accounts in which nobody typed a wrong PIN within the hour. Using that up as well would take 20 fresh accounts every
 * five minutes, and only the hub's operator creates accounts.
 */
export const wrongPinLimits: WrongPinLimits = {
  user: { attemptsMax: 5, windowMs: 5 * minuteMs },
  address: { attemptsMax: 10, windowMs: 5 * minuteMs },
  all: { attemptsMax: 60, windowMs: 5 * minuteMs },
  suspects: { attemptsMax: 40, windowMs: 5 * minuteMs, rememberedMs: hourMs },
};

/** Limits of wrong passwords; see {@linkcode wrongPasswordLimits}. */
export interface WrongPasswordLimits {
  readonly nameAtAddress: AttemptLimit;
  /** An IPv6 /64 counts as one address. */
  readonly address: AttemptLimit;
  readonly name: AttemptLimit;
  readonly all: AttemptLimit;
  /** Like `name` and `all`, for networks (IPv6: the /48) that sent a wrong password within `rememberedMs`. */
  readonly suspects: { readonly name: AttemptLimit; readonly all: AttemptLimit; readonly rememberedMs: number };
  /** Instead of all others, for a browser in which the user has logged in before. */
  readonly knownBrowser: AttemptLimit;
}

/**
 * Wrong passwords. However many addresses take part, a user's password is tried 200 times an hour at most, and 80 times
 * from networks that have tried before.
 *
 * A limit per name is also a lever: whoever uses it up locks that user out. So a browser in which the user has logged
 * in before has a limit of its own, whatever others do. Everywhere else the last three fifths are reserved for networks
 * that sent no wrong password within the hour: using those up as well takes 30 fresh networks every quarter of an hour.
 */
export const wrongPasswordLimits: WrongPasswordLimits = {
  nameAtAddress: { attemptsMax: 5, windowMs: 5 * minuteMs },
  address: { attemptsMax: 20, windowMs: 15 * minuteMs },
  name: { attemptsMax: 50, windowMs: 15 * minuteMs },
  all: { attemptsMax: 1000, windowMs: 15 * minuteMs },
  suspects: {
    name: { attemptsMax: 20, windowMs: 15 * minuteMs },
    all: { attemptsMax: 700, windowMs: 15 * minuteMs },
    rememberedMs: hourMs,
  },
  knownBrowser: { attemptsMax: 5, windowMs: 5 * minuteMs },
};

/** Registrations of installations. */
export const registrationLimits = {
  address: { attemptsMax: 60, windowMs: hourMs },
  all: { attemptsMax: 5000, windowMs: hourMs },
} as const satisfies Record<string, AttemptLimit>;

/** New PINs. */
export const newPinLimits = {
  installation: { attemptsMax: 30, windowMs: 5 * minuteMs },
  all: { attemptsMax: 2000, windowMs: 5 * minuteMs },
} as const satisfies Record<string, AttemptLimit>;

/** Invalid bearer API tokens. */
export const wrongTokenLimits = {
  address: { attemptsMax: 100, windowMs: 5 * minuteMs },
} as const satisfies Record<string, AttemptLimit>;

/** How long attempts are remembered: as long as the longest window. */
export const attemptsKeptMs: number = hourMs;

/** Passwords hashed at the same time; each takes 32 MiB. */
export const passwordHashesAtOnce = 2;
/** Passwords waiting to be hashed; more are answered 429. */
export const passwordHashesWaitingMax = 64;
/**
 * Shortest password, in characters. Length is the only rule: rules of composition make worse passwords (NIST SP
 * 800-63B).
 */
export const passwordCharactersMin = 10;
/** Longest password, in characters: hashing time must not be the caller's choice. */
export const passwordCharactersMax = 256;

/** How long a browser stays known after a login. */
export const knownBrowserMs: number = 365 * 24 * hourMs;
/** A session ends this long after its start, whatever its activity. */
export const sessionMs: number = 12 * hourMs;

/** An installation that was never linked and has not asked for a PIN for this long is forgotten. */
export const neverLinkedKeptMs: number = 24 * hourMs;
/** A draft that was never linked is forgotten after this long. */
export const draftKeptMs: number = 7 * 24 * hourMs;
/** Clock difference tolerated in client assertions, in seconds. */
export const clockToleranceSeconds = 60;
/** Longest validity of an assertion, in seconds. */
export const assertionSecondsMax = 300;
/** Validity of an access token, in seconds. Ending a link does not wait for it. */
export const accessTokenSeconds = 600;

/** An installation not heard from for this long is stale. It reports every minute. */
export const staleAfterMs: number = 3 * minuteMs;
/** Live data of a database integration is late after this many missed runs ... */
export const lateAfterRuns = 3;
/** ... and at least this long: unchanged data is not sent again, for half an hour at most. */
export const lateAfterMsMin: number = hourMs;
/** `lastSeenAt` is updated this often at most. */
export const lastSeenResolutionMs = 20_000;

/** Longest name of a user, an API token, an integration or the account, in UTF-16 units, as browsers count. */
export const nameLengthMax = 255;

/** Bodies, in bytes. */
export const jsonBytesMax = 128 * 1024;
/** The list of a batch's parts, in bytes: 300,000 parts at most, about 150 bytes each. */
export const completionBytesMax = 48 * 1024 * 1024;
/** Batches sent whole, in bytes: the maximum number per request, each as long as when declared alone. */
export const wholeBatchesBytesMax: number = wholeBatchesMax * jsonBytesMax;
/** An answer to a request, in bytes: a test's preview may have ten rows of 1024 long columns. */
export const agentAnswerBytesMax = 64 * 1024 * 1024;
/** OAuth's form bodies, in bytes: the largest field is a client assertion. */
export const formBytesMax = 128 * 1024;

/** Items on a page unless the caller says how many. */
export const pageItemsDefault = 50;
/** Items on a page at most; a page is held in memory. */
export const pageItemsMax = 500;
/** How many ids go into one query at most. */
export const idsPerQueryMax = 500;

/** How long an upload address is valid. */
export const uploadAddressMs: number = hourMs;
/** A batch declared but not completed is forgotten after this long, and its parts are deleted. */
export const declaredKeptMs: number = 7 * 24 * hourMs;
/** Age at which no running upload can still be writing a temporary file. */
export const temporaryFileKeptMs: number = hourMs;
/** How often leftovers are swept. */
export const sweepEveryMs: number = 24 * hourMs;
/** How long a body may stall before it is given up. */
export const bodyIdleMs: number = 2 * minuteMs;
/**
 * Slowest average rate of a body, in bytes per ms; slower ones are given up, so that nobody holds a request for hours.
 */
export const bodyBytesPerMsMin = 1;
/** How long a deleted integration's batches stay: until nothing that was under way can still arrive. */
export const deletedKeptMs: number = bodyIdleMs + Math.max(partBytesMax, wholeBatchesBytesMax) / bodyBytesPerMsMin;
/** A batch whose check takes longer is answered with 202; asking again joins the check. */
export const checkWaitMs = 20_000;
/** Large batches checked at the same time; others wait. */
export const checksAtOnce = 4;
/** Objects up to this size are kept in the database. */
export const smallObjectBytesMax: number = wholePayloadBytesMax;
/** A payload this small is checked in memory. */
export const smallPayloadBytesMax = 256 * 1024;
/** ... unless its content would be larger than this. */
export const smallContentBytesMax = 4 * 1024 * 1024;
/** Memory that a compressed payload may ask for: 2 to this power, in bytes. */
export const zstdWindowLogMax = 26;

/** Unanswered requests to one agent. */
export const openRequestsMax = 32;
/** A request unanswered for this long is no longer handed out. */
export const requestOpenMs: number = 10 * minuteMs;

/** Lifetime of a live connection of the console; browsers open a new one. */
export const eventStreamMs: number = 15 * minuteMs;
/** Simultaneous live connections, in total. */
export const eventStreamsMax = 500;
/** Minimum interval between events of one connection. */
export const eventSpacingMs = 300;
