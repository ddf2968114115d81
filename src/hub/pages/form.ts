/** Reads the console's forms: small, and only with the session's token. */
import type { Context } from "hono";
import { Name } from "../api_schemas.ts";
import { checkCsrfToken, type ConsoleEnv } from "../access/console_session.ts";
import { nameLengthMax } from "../limits.ts";
import { HubProblem } from "../services.ts";
import type { View } from "./view.ts";

/** The hidden field with the session's token. */
export const csrfField = "csrf";
/** Largest form, in bytes. */
export const formBytesMax: number = 16 * 1024;
/** Largest form with settings, in bytes: a query has up to 64 Ki characters, of up to nine bytes each. */
export const settingsFormBytesMax: number = 640 * 1024;

/** A path parameter, such as an integration's id. */
export function pathParameter(context: Context, name: string): string {
  const value = context.req.param(name);
  if (value === undefined) throw new HubProblem("not-found", "There is no such page.");
  return value;
}

/** Reason of the {@linkcode HubProblem} `forbidden` for a form without this session's token. */
export const formExpired = "form-expired";

/** Reads a text field: trimmed, unless `raw`. A missing one is empty. */
export type ReadField = (field: string, options?: { raw: boolean }) => string;

/** The text fields of a logged-in user's form. */
export async function readForm(context: Context<ConsoleEnv>): Promise<ReadField> {
  const read = await readPublicForm(context);
  try {
    checkCsrfToken(context.var.session, read(csrfField));
  } catch (cause) {
    throw new HubProblem("forbidden", "This form is out of date.", { reason: formExpired, cause });
  }
  return read;
}

/** The text fields of a form that needs no session. */
export async function readPublicForm(context: Context): Promise<ReadField> {
  const fields = await parseForm(context);
  return (field, { raw } = { raw: false }) => {
    const value = fields[field];
    return typeof value !== "string" ? "" : raw ? value : value.trim();
  };
}

/** The fields; throws {@linkcode HubProblem} `invalid-request` if the body is not really a form. */
export async function parseForm(context: Context): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await context.req.parseBody();
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new HubProblem("invalid-request", "Cannot read the form: load the page again and retry.", { cause });
  }
}

/** The error text for an invalid name; `undefined` for a valid one. */
export function nameProblem(view: View, name: string): string | undefined {
  const { messages, format } = view;
  switch (Name.safeParse(name).error?.issues[0]?.code) {
    case undefined:
      return undefined;
    case "too_small":
      return messages.nameMissing;
    case "too_big":
      return messages.nameTooLong({ max: format.number(nameLengthMax) });
    default:
      return messages.nameUnprintable;
  }
}
