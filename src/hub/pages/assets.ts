/**
 * The console's style sheet, script and icon: one file each, named after its content, so that browsers cache it for
 * ever and still get the new one after an update.
 */
import { Hono } from "hono";
import { createHash } from "node:crypto";
import styleSheet from "./assets/console.css" with { type: "text" };
import script from "./assets/console.js" with { type: "text" };
import icon from "./assets/icon.svg" with { type: "text" };

interface Asset {
  /** The path it is served at. */
  readonly path: string;
  readonly type: string;
  readonly body: string;
}

function asset(name: string, type: string, body: string): Asset {
  const hash = createHash("sha256").update(body).digest("hex").slice(0, 16);
  return { path: `/assets/${name.replace(".", `.${hash}.`)}`, type, body };
}

/** The assets that pages refer to. */
export const assets: Readonly<Record<"styleSheet" | "script" | "icon", Asset>> = {
  styleSheet: asset("console.css", "text/css; charset=utf-8", styleSheet),
  script: asset("console.js", "text/javascript; charset=utf-8", script),
  icon: asset("icon.svg", "image/svg+xml", icon),
};

/** Serves them. */
export function assetRoutes(): Hono {
  const app = new Hono();
  for (const { path, type, body } of Object.values(assets)) {
    app.get(path, (context) =>
      context.body(body, 200, {
        "Content-Type": type,
        "Cache-Control": "public, max-age=31536000, immutable",
      }));
  }
  return app;
}
