/**
 * A message for the page after a redirect. The cookie holds only the message's key in the catalogue: an attacker who
 * plants one can choose only among these texts.
 */
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";

/** The existing messages. */
const flashKeys = [
  "flashLoggedOut",
  "flashSaved",
  "flashSettings",
  "flashTested",
  "flashConnected",
  "flashRenamed",
  "flashPaused",
  "flashResumed",
  "flashDeleted",
  "flashDiscarded",
  "sessionExpired",
] as const;
/** One of {@linkcode flashKeys}. */
export type FlashKey = (typeof flashKeys)[number];

const cookieName = "cloud-link-message";
/** How long the redirect may take, in seconds. */
const cookieSecondsMax = 60;

/** Shows `key` on the next page. */
export function setFlash(context: Context, key: FlashKey): void {
  setCookie(context, cookieName, key, { path: "/", httpOnly: true, sameSite: "Lax", maxAge: cookieSecondsMax });
}

/** The message to show now, if any; it is shown once. */
export function takeFlash(context: Context): FlashKey | undefined {
  const value = getCookie(context, cookieName);
  if (value === undefined) return undefined;
  deleteCookie(context, cookieName, { path: "/" });
  return flashKeys.find((key) => key === value);
}
