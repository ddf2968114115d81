/** For those who run a hub: whether it is alive, whether it is ready, and its metrics. */
import { sql } from "kysely";
import { problemCodes } from "../protocol/problem.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Database } from "./database/schema.ts";
import { type Endpoint, endpoint } from "./http/endpoint.ts";
import { type Metrics, metricsContentType } from "./metrics.ts";
import { problemText } from "./http/problem_response.ts";
import { HubProblem } from "./services.ts";

/**
 * `/healthz` says that the process answers, `/readyz` that database and objects work too, `/metrics` is in Prometheus'
 * text format: for tokens only, since behind a proxy on this machine every request is local. `/problems/{code}`
 * explains a refusal.
 */
export function operationEndpoints(options: {
  database: Database;
  clock: Clock;
  metrics: Metrics;
  /** Throws when objects cannot be written. */
  checkObjects(): Promise<void>;
  stop: AbortSignal;
}): readonly Endpoint[] {
  const { database, clock, metrics } = options;
  const text = { 200: { description: "Text", contentType: "text/plain" } };
  return [
    endpoint({
      method: "get",
      path: "/healthz",
      summary: "The process answers",
      tag: "operation",
      audience: "nobody",
      responses: text,
      handle: ({ context }) => context.text("ok\n"),
    }),
    endpoint({
      method: "get",
      path: "/readyz",
      summary: "Database and object store work",
      tag: "operation",
      audience: "nobody",
      problems: ["unavailable"],
      responses: text,
      async handle({ context }) {
        if (options.stop.aborted) throw new HubProblem("unavailable", "The hub is stopping.");
        try {
          await sql`select 1`.execute(database);
          await options.checkObjects();
        } catch (cause) {
          throw new HubProblem("unavailable", "The database or the object store does not work: see the hub's log.", {
            cause,
          });
        }
        return context.text("ready\n");
      },
    }),
    endpoint({
      method: "get",
      path: "/metrics",
      summary: "Numbers for Prometheus",
      tag: "operation",
      audience: "reader",
      responses: text,
      async handle({ context }) {
        return context.body(await metrics.text({ database, clock }), 200, { "Content-Type": metricsContentType });
      },
    }),
    endpoint({
      method: "get",
      path: "/problems/:code",
      summary: "What the `type` of a problem means",
      tag: "operation",
      audience: "nobody",
      responses: text,
      handle({ context, param }) {
        const code = problemCodes.find((known) => known === param("code"));
        if (code === undefined) throw new HubProblem("not-found", "There is no such type of problem.");
        return context.text(problemText(code));
      },
    }),
  ];
}
