/** Every limit of the hub, in one place. */
import { partBytesMax, wholeBatchesMax, wholePayloadBytesMax } from "../protocol/delivery.ts";

/** A number of attempts within a window: the next one waits until the oldest has left it. */
export interface AttemptLimit {
  readonly attemptsMax: number;
  readonly windowMs: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Limits of wrong PINs, see {@linkcode wrongPinLimits}. */
export interface WrongPinLimits {
  readonly user: AttemptLimit;
  /** Of IPv6 the /64 is one address. */
  readonly address: AttemptLimit;
  readonly all: AttemptLimit;
  /** As `all`, for accounts that typed a wrong PIN within `rememberedMs`. */
  readonly suspects: AttemptLimit & { readonly rememberedMs: number };
}

/**
 * Wrong PINs. A PIN lives for five minutes, and in any five minutes the whole hub takes no more than 60 wrong ones: so
 * however many users and addresses join in, one PIN of the million is hit with a probability of 60 in a million.
 *
 * A limit in all is also a lever: whoever uses it up keeps others from linking. So its last third is for accounts in
 * which nobody typed a wrong PIN within the hour. To use up that, too, takes 20 fresh accounts every five minutes;
 * accounts are made by the hub's operator alone.
 */
export const wrongPinLimits: WrongPinLimits = {
  user: { attemptsMax: 5, windowMs: 5 * minuteMs },
  address: { attemptsMax: 10, windowMs: 5 * minuteMs },
  all: { attemptsMax: 60, windowMs: 5 * minuteMs },
  suspects: { attemptsMax: 40, windowMs: 5 * minuteMs, rememberedMs: hourMs },
};

/** Limits of wrong passwords, see {@linkcode wrongPasswordLimits}. */
export interface WrongPasswordLimits {
  readonly nameAtAddress: AttemptLimit;
  /** Of IPv6 the /64 is one address. */
  readonly address: AttemptLimit;
  readonly name: AttemptLimit;
  readonly all: AttemptLimit;
  /** As `name` and `all`, for networks (of IPv6 the /48) that sent a wrong password within `rememberedMs`. */
  readonly suspects: { readonly name: AttemptLimit; readonly all: AttemptLimit; readonly rememberedMs: number };
  /** In place of all others, for a browser in which the user has logged in before. */
  readonly knownBrowser: AttemptLimit;
}

/**
 * Wrong passwords. However many addresses join in, a user's password is tried 200 times an hour at most, and 80 times
 * from networks that have tried before.
 *
 * A limit per name is also a lever: whoever uses it up keeps its user out. So a browser in which the user has logged in
 * before has a limit of its own, whatever others do. Everywhere else the last three fifths are for networks that sent no
 * wrong password within the hour: to use up those, too, takes 30 fresh networks every quarter of an hour.
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

/** Bearer API tokens that are none. */
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

/** A browser is known for this long after a login. */
export const knownBrowserMs: number = 365 * 24 * hourMs;
/** A session ends this long after it began, whatever happens in it. */
export const sessionMs: number = 12 * hourMs;

/** An installation that was never linked and asked for no PIN for this long is forgotten. */
export const neverLinkedKeptMs: number = 24 * hourMs;
/** A draft that no installation was ever linked to is forgotten after this long. */
export const draftKeptMs: number = 7 * 24 * hourMs;
/** Assertions of clients may be off by this much, in seconds. */
export const clockToleranceSeconds = 60;
/** An assertion may be valid for this long at most, in seconds. */
export const assertionSecondsMax = 300;
/** An access token is valid for this long, in seconds. What ends a link does not wait for it. */
export const accessTokenSeconds = 600;

/** An installation that was not heard from for this long is stale. It reports every minute. */
export const staleAfterMs: number = 3 * minuteMs;
/** Live data of a database integration is late when it is missing for this many of its runs ... */
export const lateAfterRuns = 3;
/** ... and for this long: what has not changed is not sent again, for half an hour at most. */
export const lateAfterMsMin: number = hourMs;
/** `lastSeenAt` is written this often at most. */
export const lastSeenResolutionMs = 20_000;

/** Longest name of a user, an API token, an integration or the account, in UTF-16 units, as browsers count. */
export const nameLengthMax = 255;

/** Bodies, in bytes. */
export const jsonBytesMax = 128 * 1024;
/** The list of a batch's parts, in bytes: 300,000 parts at most, some 150 bytes each. */
export const completionBytesMax = 48 * 1024 * 1024;
/** Batches sent whole, in bytes: as many as may come in one request, each as long as when it is declared alone. */
export const wholeBatchesBytesMax: number = wholeBatchesMax * jsonBytesMax;
/** OAuth's form bodies, in bytes: the largest field is a client assertion. */
export const formBytesMax = 128 * 1024;

/** Items of a page when the caller does not say how many. */
export const pageItemsDefault = 50;
/** Items of a page at most; a page is in memory whole. */
export const pageItemsMax = 500;

/** An upload address is good for this long. */
export const uploadAddressMs: number = hourMs;
/** A batch that was declared and not completed is forgotten after this long, its parts deleted. */
export const declaredKeptMs: number = 7 * 24 * hourMs;
/** Temporary files that no running upload can still be writing. */
export const temporaryFileKeptMs: number = hourMs;
/** How often leftovers are swept. */
export const sweepEveryMs: number = 24 * hourMs;
/** A body whose bytes stop coming for this long is given up. */
export const bodyIdleMs: number = 2 * minuteMs;
/** A body that comes slower than this on the whole is given up, too, in bytes per ms: nobody holds a request for hours. */
export const bodyBytesPerMsMin = 1;
/** A deleted integration's batches stay this long: until nothing can come any more that was on its way before. */
export const deletedKeptMs: number = bodyIdleMs + Math.max(partBytesMax, wholeBatchesBytesMax) / bodyBytesPerMsMin;
/** A batch whose check takes longer is answered 202; asking again joins the check. */
export const checkWaitMs = 20_000;
/** Large batches checked at the same time; more wait. */
export const checksAtOnce = 4;
/** Objects up to this size are kept in the database. */
export const smallObjectBytesMax: number = wholePayloadBytesMax;
/** A payload this small is checked in memory. */
export const smallPayloadBytesMax = 256 * 1024;
/** ... unless its content would be larger than this. */
export const smallContentBytesMax = 4 * 1024 * 1024;
/** Memory that a compressed payload may ask for: 2 to this power, in bytes. */
export const zstdWindowLogMax = 26;

/** Requests to one agent that wait for an answer. */
export const openRequestsMax = 32;
/** A request that was not answered for this long is no longer handed out. */
export const requestOpenMs: number = 10 * minuteMs;

/** A live connection of the console ends after this long; browsers open a new one. */
export const eventStreamMs: number = 15 * minuteMs;
/** Live connections at the same time, in all. */
export const eventStreamsMax = 500;
/** Events of one connection are this far apart at least. */
export const eventSpacingMs = 300;
