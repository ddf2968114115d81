/**
 * The cookie that carries a session's secret: HttpOnly, SameSite=Lax, and with the `__Host-` prefix (RFC 6265bis) where
 * the hub is reached over https, so that no other host can plant one.
 */
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";

const plainName = "cloud-link-session";
/** How long the browser keeps it, in seconds; the session itself may end before. */
const cookieSecondsMax = 12 * 60 * 60;

/** The cookie's name at this address. */
export function sessionCookieName(publicUrl: URL): string {
  return publicUrl.protocol === "https:" ? `__Host-${plainName}` : plainName;
}

/** Gives the browser the secret that `Sessions.logIn` answered. */
export function setSessionCookie(context: Context, secret: string, options: { publicUrl: URL }): void {
  setCookie(context, sessionCookieName(options.publicUrl), secret, {
    ...attributes(options.publicUrl),
    maxAge: cookieSecondsMax,
  });
}

/** The secret that the browser sent, for `Sessions.find` and `Sessions.logOut`. */
export function readSessionCookie(context: Context, options: { publicUrl: URL }): string | undefined {
  return getCookie(context, sessionCookieName(options.publicUrl));
}

/** Takes it back. */
export function clearSessionCookie(context: Context, options: { publicUrl: URL }): void {
  deleteCookie(context, sessionCookieName(options.publicUrl), attributes(options.publicUrl));
}

function attributes(publicUrl: URL) {
  return { path: "/", httpOnly: true, sameSite: "Lax", secure: publicUrl.protocol === "https:" } as const;
}
