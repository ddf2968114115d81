/**
 * The cookies of a login: HttpOnly, SameSite=Lax, and with the `__Host-` prefix (RFC 6265bis) if the hub is reached
 * over https, so that no other host can plant one. One carries the session's secret; the other stays in the browser and
 * shows that its user has logged in there before (`known_browsers.ts`).
 */
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { knownBrowserMs, sessionMs } from "../limits.ts";

const plainName = "cloud-link-session";
const browserPlainName = "cloud-link-browser";

/** The cookie's name at this address. */
function sessionCookieName(publicUrl: URL): string {
  return nameAt(publicUrl, plainName);
}

/** Sets the cookies for what `Sessions.logIn` returned. */
export function setLoginCookies(
  context: Context,
  login: { secret: string; browser: string },
  { publicUrl }: { publicUrl: URL },
): void {
  const base = attributes(publicUrl);
  setCookie(context, sessionCookieName(publicUrl), login.secret, { ...base, maxAge: sessionMs / 1000 });
  setCookie(context, nameAt(publicUrl, browserPlainName), login.browser, { ...base, maxAge: knownBrowserMs / 1000 });
}

/** What the browser kept from an earlier login, for `Sessions.logIn`. */
export function readBrowserCookie(context: Context, { publicUrl }: { publicUrl: URL }): string | undefined {
  return getCookie(context, nameAt(publicUrl, browserPlainName));
}

/** The secret that the browser sent, for `Sessions.find` and `Sessions.logOut`. */
export function readSessionCookie(context: Context, options: { publicUrl: URL }): string | undefined {
  return getCookie(context, sessionCookieName(options.publicUrl));
}

/** Clears the session cookie. */
export function clearSessionCookie(context: Context, options: { publicUrl: URL }): void {
  deleteCookie(context, sessionCookieName(options.publicUrl), attributes(options.publicUrl));
}

function nameAt(publicUrl: URL, plain: string): string {
  return publicUrl.protocol === "https:" ? `__Host-${plain}` : plain;
}

function attributes(publicUrl: URL) {
  return { path: "/", httpOnly: true, sameSite: "Lax", secure: publicUrl.protocol === "https:" } as const;
}
