/** Turns a page's content into the response. */
import type { Context } from "hono";
import type { Child } from "hono/jsx";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { Layout } from "./components/layout.tsx";
import { takeFlash } from "./flash.ts";
import type { View } from "./view.ts";

/** One page. */
export interface PageContent {
  /** Window title, most specific part first. */
  readonly title: string;
  readonly body: Child;
  /** @default 200 */
  readonly status?: ContentfulStatusCode;
  /** Something on the page is wrong, and marked there. */
  readonly failed?: boolean;
  /** The breadcrumbs; the last one is the page itself. */
  readonly trail?: readonly { readonly label: string; readonly href: string }[];
}

/** Responds with a page. */
export async function renderPage(context: Context, view: View, page: PageContent): Promise<Response> {
  const flash = takeFlash(context);
  context.header("Cache-Control", "no-store");
  context.header("Content-Language", view.language.locale);
  context.header("Vary", "Accept-Language, Cookie");
  const document = (
    <Layout view={view} page={page} flash={flash === undefined ? undefined : view.messages[flash]}>{page.body}</Layout>
  );
  return context.html(`<!DOCTYPE html>${await document.toString()}`, page.status ?? 200);
}
