/** Security headers on every response (OWASP Secure Headers). */
import type { MiddlewareHandler } from "hono";

/** Scripts and styles come from the hub's own files; nothing is inline, nothing comes from elsewhere. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** How long browsers insist on https, in seconds. */
const strictTransportSeconds = 31_536_000;

/** Sets them after the handler, on errors too. `Strict-Transport-Security` only if `publicUrl` is https. */
export function securityHeaders(options: { publicUrl: URL }): MiddlewareHandler {
  const secure = options.publicUrl.protocol === "https:";
  return async (context, next) => {
    await next();
    const { headers } = context.res;
    headers.set("Content-Security-Policy", contentSecurityPolicy);
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("X-Frame-Options", "DENY");
    headers.set("Referrer-Policy", "no-referrer");
    headers.set("Cross-Origin-Opener-Policy", "same-origin");
    headers.set("Cross-Origin-Resource-Policy", "same-origin");
    headers.set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    if (secure) headers.set("Strict-Transport-Security", `max-age=${strictTransportSeconds}`);
    if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
  };
}
