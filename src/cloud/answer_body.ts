/** Reads the body of an answer, within a limit. */
import type * as z from "zod";

/** The body is larger than it may be. */
export class BodyTooLargeError extends Error {
  override readonly name = "BodyTooLargeError";
}

/** The body as text; at most `bytesMax` are read, counted after decompression. */
export async function readText(answer: Response, bytesMax: number): Promise<string> {
  if (answer.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of answer.body) { // leaving the loop cancels the body
    bytes += chunk.length;
    if (bytes > bytesMax) throw new BodyTooLargeError(`more than ${bytesMax} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The text as JSON of the given shape, or why it is not. */
export function parseJson<T>(text: string, schema: z.ZodType<T>): { value: T } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: looksLikeHtml(text) ? "a web page" : text === "" ? "nothing" : "text that is not JSON" };
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  const issue = parsed.error.issues[0];
  // Anything from the hub, even member names, ends up in the log and the console.
  const place = issue?.path.join(".").replaceAll(/\p{Cc}/gu, " ").slice(0, 200) || "the whole answer";
  // The schema library calls missing values "undefined".
  const wrong = issue === undefined || / received undefined$/.test(issue.message) ? "it is missing" : issue.message;
  return { problem: `JSON with ${place}: ${wrong.slice(0, 200)}` };
}

/** Whether an HTML page came where JSON was expected. */
export function looksLikeHtml(text: string): boolean {
  return /^\s*(?:<!doctype html|<html|<head|<body)/i.test(text.slice(0, 1000));
}
