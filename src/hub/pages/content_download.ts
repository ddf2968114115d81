/** The content of an import, byte for byte, as a download. */
import { Hono } from "hono";
import { type ConsoleEnv, requireSession } from "../console_session.ts";
import { HubProblem, type HubServices } from "../services.ts";
import { pathParameter } from "./form.ts";
import { paths } from "./paths.ts";

const page = `${paths.integrations}/:id/imports/:importId/content`;

/** `/account/integrations/{id}/imports/{importId}/content`. */
export function contentRoutes(services: HubServices): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  app.get(page, requireSession(services), async (context) => {
    const found = await services.imports.get(context.var.actor, pathParameter(context, "importId"));
    if (found.integrationId !== pathParameter(context, "id")) {
      throw new HubProblem("not-found", "There is no such import.");
    }
    const { body } = await services.imports.content(context.var.actor, found.id);
    return context.body(body, 200, {
      // Never shown by the browser: what agents deliver is not the hub's own.
      "Content-Type": "application/octet-stream",
      "Content-Disposition": attachment(found.fileName),
      "Content-Length": String(found.size),
      "Content-Security-Policy": "sandbox; default-src 'none'",
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "private, no-store",
    });
  });
  return app;
}

/**
 * The header that makes a download of that name (RFC 6266, RFC 8187).
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * assertEquals(attachment("für.csv"), "attachment; filename=\"f_r.csv\"; filename*=UTF-8''f%C3%BCr.csv");
 * ```
 */
export function attachment(fileName: string): string {
  const ascii = fileName.replaceAll(/[^\x20-\x7e]|["\\%/]/g, "_");
  const encoded = encodeURIComponent(fileName.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
