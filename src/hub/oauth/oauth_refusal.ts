// deno-lint-ignore-file camelcase -- the RFCs name the fields
/** Refusals of the OAuth endpoints (RFC 6749, section 5.2), which are not problem details. */

/**
 * Thrown to refuse a request: `error` is the RFC's code, the message its description. The status is 400 unless given.
 */
export class OAuthRefusal extends Error {
  override readonly name = "OAuthRefusal";
  readonly error: string;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  constructor(
    error: string,
    description: string,
    options: { status?: number; retryAfterSeconds?: number | undefined; cause?: unknown } = {},
  ) {
    super(description, { cause: options.cause });
    this.error = error;
    this.status = options.status ?? (error === "invalid_client" ? 401 : 400);
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The response for a refusal. */
export function oauthRefusalResponse(refusal: OAuthRefusal): Response {
  const headers = new Headers({ "Content-Type": "application/json", "Cache-Control": "no-store" });
  if (refusal.retryAfterSeconds !== undefined) headers.set("Retry-After", String(refusal.retryAfterSeconds));
  // RFC 6749's error_description allows no quotation marks, backslashes or characters beyond ASCII.
  const description = refusal.message.replaceAll('"', "'").replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "?");
  const body = { error: refusal.error, error_description: description.slice(0, 1024) };
  return new Response(JSON.stringify(body), { status: refusal.status, headers });
}
