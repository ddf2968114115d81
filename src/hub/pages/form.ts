/** Reads the console's forms: small, and only with the session's token. */
import type { Context } from "hono";
import { Name } from "../api_schemas.ts";
import { checkCsrfToken, type ConsoleEnv } from "../console_session.ts";
import { HubProblem } from "../services.ts";

/** The hidden field with the session's token. */
export const csrfField = "csrf";
/** Largest form, in bytes. */
export const formBytesMax: number = 16 * 1024;
/** Largest form with settings, in bytes: a query of 64 Ki characters takes up to nine bytes for each. */
export const settingsFormBytesMax: number = 640 * 1024;
/** Longest name of an integration, in UTF-16 units, as browsers count. */
export const nameLengthMax = 255;

/** A parameter of the address, such as an integration's id. */
export function pathParameter(context: Context, name: string): string {
  const value = context.req.param(name);
  if (value === undefined) throw new HubProblem("not-found", "There is no such page.");
  return value;
}

/** Reason of the {@linkcode HubProblem} `forbidden` for a form without this session's token. */
export const formExpired = "form-expired";

/** Reads a text field: without the spaces around it, unless `raw`. A missing one is empty. */
export type ReadField = (field: string, options?: { raw: boolean }) => string;

/** The text fields of a form of a logged-in user. */
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

/** The fields; throws {@linkcode HubProblem} `invalid-request` for what only looks like a form. */
export async function parseForm(context: Context): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await context.req.parseBody();
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new HubProblem("invalid-request", "Cannot read the form: load the page again and repeat.", { cause });
  }
}

/** What is wrong with an integration's name, `undefined` when nothing. */
export function nameProblem(name: string): "nameMissing" | "nameTooLong" | undefined {
  if (name.length > nameLengthMax) return "nameTooLong";
  return Name.safeParse(name).success ? undefined : "nameMissing";
}
