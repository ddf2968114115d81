/**
 * The console: the hub's pages for people. Rendered on the server, in the browser's language; the script only adds what
 * needs the browser (local times, imports arriving live, the machine behind a PIN), and every page works without it.
 *
 * Pages ask the services for everything, with the session's actor: they hold no state and take no decisions of rights.
 */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ConsoleEnv } from "../console_session.ts";
import { HubProblem, type HubServices } from "../services.ts";
import { addRoutes } from "./add_page.tsx";
import { assetRoutes } from "./assets.ts";
import type { ConsoleOptions } from "./console_options.ts";
import { deleteRoutes } from "./delete_page.tsx";
import { formBytesMax } from "./form.ts";
import { integrationRoutes } from "./integration_routes.ts";
import { listRoutes } from "./list_page.tsx";
import { loginRoutes } from "./login_page.tsx";
import { notFoundPage, problemPage } from "./problem_page.tsx";

export type { Download } from "./components/downloads.tsx";
export type { ConsoleOptions };
export { notFoundPage, problemPage };

/**
 * The routes of all pages: `/`, `/login`, `/logout`, `/account/…` and `/assets/…`. Mount it at the root; hand
 * {@linkcode notFoundPage} to the app for browsers that ask for anything else.
 */
export function consolePages(services: HubServices, options: ConsoleOptions = {}): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  app.onError(problemPage);
  const limit = bodyLimit({
    maxSize: formBytesMax,
    onError: () => {
      throw new HubProblem("too-large", `Forms have ${formBytesMax} bytes at most.`);
    },
  });
  app.use("/login", limit);
  app.use("/logout", limit);
  app.use("/account/*", limit);
  // Fixed addresses go before those with an id in them.
  const pages = [
    loginRoutes(services),
    listRoutes(services),
    addRoutes(services),
    deleteRoutes(services),
    integrationRoutes(services, options),
  ];
  app.route("/", assetRoutes());
  for (const page of pages) app.route("/", page);
  app.all("/account/*", notFoundPage);
  return app;
}
