/** What the running agent reports through the control channel. Instants are RFC 3339, UTC. */
import * as z from "zod";
import { Pin } from "../protocol/linking.ts";
import type { CheckLine } from "./check_line.ts";

const Instant = z.iso.datetime();
const Named = z.object({ id: z.string(), name: z.string() });
/** What happened, and when. */
const Event = z.object({ message: z.string(), at: Instant });

/** A PIN that can be entered in the hub now. A linked agent may have one too: Connect then moves it. */
const ShownPin = { pin: Pin, expiresAt: Instant };

/** Whether the installation is linked, and to what. */
export const LinkStatus = z.discriminatedUnion("state", [
  /** No PIN at the moment: the hub could not be asked, or the last one has expired. */
  z.object({ state: z.literal("unlinked") }),
  z.object({ state: z.literal("pin"), ...ShownPin }),
  z.object({
    state: z.literal("linked"),
    /** Id of the link: changes with every Connect. */
    id: z.string(),
    account: Named,
    integration: Named,
    pin: ShownPin.pin.optional(),
    expiresAt: ShownPin.expiresAt.optional(),
  }),
]);
export type LinkStatus = z.infer<typeof LinkStatus>;

/** Answer to `status`. */
export const AgentStatus = z.object({
  version: z.string(),
  pid: z.number().int(),
  startedAt: Instant,
  /** `[app] name`. */
  name: z.string(),
  /** The installation folder. */
  folder: z.string(),
  hub: z.object({
    url: z.string(),
    /** It answers; with a problem, it does not return what was asked for. `null`: not known yet since the start. */
    reachable: z.boolean().nullable(),
    /** Since the start. */
    lastContactAt: Instant.nullable(),
    /** Why it cannot be reached, or what it answers, and what to do. */
    problem: z.string().nullable(),
  }),
  link: LinkStatus,
  /** Paused in the hub. */
  paused: z.boolean(),
  /** What is broken now, apart from the connection to the hub, with the remedy. */
  problem: z.string().nullable(),
  /** Why something is waiting although nothing is broken. */
  notice: z.string().nullable(),
  waiting: z.object({
    batches: z.number().int().nonnegative(),
    bytes: z.number().nonnegative(),
    oldestAt: Instant.nullable(),
  }),
  /** What is kept for integrations that this installation was linked to before. */
  waitingForOthers: z.object({ batches: z.number().int().nonnegative(), bytes: z.number().nonnegative() }),
  lastImport: z.object({ name: z.string(), at: Instant }).nullable(),
  lastError: Event.nullable(),
  /** The proxy in use, without its password. */
  proxy: z.string().nullable(),
});
export type AgentStatus = z.infer<typeof AgentStatus>;

/** A PIN issued on request. */
export const PinOffer = z.object({
  pin: Pin,
  expiresAt: Instant,
  /** Origin of the hub that issued it. */
  hubUrl: z.url(),
});
export type PinOffer = z.infer<typeof PinOffer>;

/** Answer to `check`. */
export const CheckLines: z.ZodType<readonly CheckLine[]> = z.array(z.object({
  name: z.string(),
  result: z.enum(["ok", "warning", "failed"]),
  detail: z.string(),
  remedy: z.string().exactOptional(),
}));
