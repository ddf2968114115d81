/**
 * The console: the hub's pages for people. Rendered on the server, in the browser's language; the script only adds what
 * needs the browser (local times, imports arriving live, the machine behind a PIN), and every page works without it.
 *
 * Pages get everything from the services, as the session's actor: they hold no state and make no authorization
 * decisions.
 */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HubProblem, type HubServices } from "../services.ts";
import { checkSameOrigin } from "../http/same_origin.ts";
import { addRoutes } from "./add_page.tsx";
import { assetRoutes } from "./assets.ts";
import type { ConsoleOptions } from "./console_options.ts";
import { deleteRoutes } from "./delete_page.tsx";
import { formBytesMax, settingsFormBytesMax } from "./form.ts";
import { integrationRoutes } from "./integration_routes.ts";
import { listRoutes } from "./list_page.tsx";
import { loginRoutes } from "./login_page.tsx";
import { paths } from "./paths.ts";
import { settingsRoutes } from "./settings_page.tsx";
import { notFoundPage, problemPage } from "./problem_page.tsx";

export type { Download } from "./components/downloads.tsx";
export type { ConsoleOptions };

/**
 * The routes of all pages: `/`, `/login`, `/logout`, `/account/…`, `/assets/…`, and a page for whatever else a browser
 * asks for. Mount them at the root, after everything else.
 */
export function consolePages(services: HubServices, options: ConsoleOptions = {}): Hono {
  const app = new Hono();
  const { clock } = services;
  app.onError((error, context) => problemPage(error, { context, clock }));
  app.use(async (context, next) => {
    checkSameOrigin(context.req.raw, services);
    await next();
  });
  const limitTo = (maxSize: number) =>
    bodyLimit({
      maxSize,
      onError: () => {
        throw new HubProblem("too-large", `Forms may have at most ${maxSize} bytes.`);
      },
    });
  const limit = limitTo(formBytesMax);
  const settingsLimit = limitTo(settingsFormBytesMax);
  app.use(paths.logIn, limit);
  app.use(paths.logOut, limit);
  app.use(
    "/account/*",
    (context, next) => (/\/(save|settings)$/.test(context.req.path) ? settingsLimit : limit)(context, next),
  );
  app.route("/", assetRoutes());
  // Fixed paths come before those that contain an id.
  const pages = [
    loginRoutes(services),
    listRoutes(services),
    addRoutes(services),
    deleteRoutes(services),
    settingsRoutes(services),
    integrationRoutes(services, options),
  ];
  for (const page of pages) app.route("/", page);
  app.all("/account/*", (context) => notFoundPage({ context, clock }));
  app.get("*", async (context, next) => {
    if (!context.req.header("accept")?.includes("text/html")) return await next();
    return await notFoundPage({ context, clock });
  });
  return app;
}
