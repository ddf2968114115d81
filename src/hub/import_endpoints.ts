/** REST: what has arrived. */
import { ImportBody, ImportPage, PageQuery } from "./api_schemas.ts";
import { attachment } from "./http/content_disposition.ts";
import { type Endpoint, endpoint } from "./http/endpoint.ts";
import type { HubServices } from "./services.ts";

/** List, single import and content, for viewers and API tokens too: nothing here changes anything. */
export function importEndpoints({ imports }: HubServices, { stop }: { stop: AbortSignal }): readonly Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/api/v1/integrations/:id/imports",
      summary: "Imports of an integration, newest first",
      tag: "imports",
      audience: "reader",
      query: PageQuery,
      responses: { 200: { description: "A page", schema: ImportPage } },
      async handle({ context, caller, param }) {
        const page = PageQuery.parse(context.req.query());
        return context.json(await imports.list(caller, { ...page, integrationId: param("id") }));
      },
    }),
    endpoint({
      method: "get",
      path: "/api/v1/imports/:id",
      summary: "One import",
      tag: "imports",
      audience: "reader",
      responses: { 200: { description: "The import", schema: ImportBody } },
      async handle({ context, caller, param }) {
        return context.json(await imports.get(caller, param("id")));
      },
    }),
    endpoint({
      method: "get",
      path: "/api/v1/imports/:id/content",
      summary: "The file, byte for byte",
      tag: "imports",
      audience: "reader",
      responses: {
        200: { description: "The file", contentType: "application/octet-stream" },
        304: { description: "It is the one with this ETag" },
      },
      async handle({ context, caller, param }) {
        const { import: known, body } = await imports.content(caller, param("id"));
        const headers = { ETag: `"${known.sha256}"`, "Cache-Control": "private, no-cache, no-transform" };
        const wanted = context.req.header("if-none-match");
        if (wanted?.split(",").some((etag) => etag.trim().replace(/^W\//, "") === headers.ETag)) {
          await body.cancel();
          return new Response(null, { status: 304, headers });
        }
        // A download that is no longer read must not hold up a hub that is stopping.
        return new Response(body.pipeThrough(new TransformStream(), { signal: stop }), {
          headers: {
            ...headers,
            "Content-Type": "application/octet-stream",
            "Content-Length": String(known.size),
            "Content-Disposition": attachment(known.fileName),
          },
        });
      },
    }),
  ];
}
