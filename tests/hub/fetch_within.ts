/** `fetch` that names the request which hangs, instead of hanging the whole run. */

/** Longer than any answer of the hub may take: its longest poll is 55 s. */
const answerMsMax = 90_000;

/** Answers like `fetch`, or fails when no answer has begun after 90 seconds. */
export async function fetchWithin(url: string, init: RequestInit): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`no answer within ${answerMsMax} ms: ${init.method ?? "GET"} ${url}`)),
    answerMsMax,
  );
  try {
    return await fetch(url, { ...init, signal: late.signal });
  } finally {
    clearTimeout(timer);
  }
}
