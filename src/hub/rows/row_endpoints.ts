/** REST: what has been loaded of a database integration, and the rows. */
import { PageQuery, RowsBody, RowsQuery, WindowsBody } from "../api_schemas.ts";
import { attachment } from "../http/content_disposition.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import type { HubServices } from "../services.ts";

const one = "/api/v1/integrations/:id";

/** For viewers and API tokens too. Answers `conflict` for an integration without database settings. */
export function rowEndpoints({ rows }: Pick<HubServices, "rows">): readonly Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: `${one}/windows`,
      summary: "What has been read: time ranges, gaps, refused rows, and each window with its rows at the source, in " +
        "the batch and here, newest first",
      tag: "imports",
      audience: "reader",
      query: PageQuery,
      problems: ["conflict"],
      responses: { 200: { description: "The summary, and a page of windows", schema: WindowsBody } },
      async handle({ context, caller, param }) {
        const integrationId = param("id");
        const page = await rows.windows(caller, { ...PageQuery.parse(context.req.query()), integrationId });
        return context.json(
          { ...await rows.summary(caller, integrationId), ...page },
        );
      },
    }),
    endpoint({
      method: "get",
      path: `${one}/rows`,
      summary: "Rows in order of time, in UTC: CSV, or JSON by Accept or ?format=json, CSV for " +
        "spreadsheets, without formulas, by ?format=spreadsheet. `from` inclusive, `to` exclusive",
      tag: "imports",
      audience: "reader",
      query: RowsQuery,
      problems: ["conflict", "too-many-requests", "unavailable"],
      responses: { 200: { description: "The rows, streamed", contentType: "text/csv", json: RowsBody } },
      async handle({ context, caller, param }) {
        const query = RowsQuery.parse(context.req.query());
        const accept = context.req.header("accept") ?? "";
        const format = query.format ?? (/\bjson\b/.test(accept) && !/\btext\/csv\b/.test(accept) ? "json" : "csv");
        const { dataType, body } = await rows.stream(caller, { ...query, integrationId: param("id"), format });
        return new Response(body, {
          headers: {
            "Content-Type": format === "json" ? "application/json" : "text/csv; charset=utf-8; header=present",
            "Content-Disposition": attachment(`${dataType}.${format === "json" ? "json" : "csv"}`),
            "Cache-Control": "no-store, no-transform",
            Vary: "Accept",
          },
        });
      },
    }),
  ];
}
