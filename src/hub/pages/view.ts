/** What every page and component gets: the language's texts and formats, and who is logged in. */
import type { Context } from "hono";
import { createFormat, type Format } from "../i18n/format.ts";
import { type Language, negotiateLanguage } from "../i18n/locale.ts";
import { catalogue, type Messages } from "../i18n/messages.ts";
import type { Session } from "../services.ts";

/** What a page is rendered with. */
export interface View {
  readonly language: Language;
  readonly messages: Messages;
  readonly format: Format;
  /** `undefined` on public pages. */
  readonly session: Session | undefined;
  /** Whether this user may change anything; the services enforce it in any case. */
  readonly mayChange: boolean;
}

/** The view for a request. */
export function createView(context: Context, session?: Session): View {
  const language = negotiateLanguage(context.req.header("Accept-Language"));
  return {
    language,
    messages: catalogue[language.locale],
    format: createFormat(language.format),
    session,
    mayChange: session?.user.role === "administrator",
  };
}
