/** Reading request bodies, never more than allowed. */
import { bodyBytesPerMsMin, bodyIdleMs } from "../limits.ts";
import { HubProblem } from "../services.ts";

/** The whole body; throws {@linkcode HubProblem} `too-large` as soon as it is longer than `bytesMax`. */
async function readBody(request: Request, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new HubProblem("too-large", `Cannot accept this body: it is larger than ${bytesMax} bytes.`);
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of bodyChunks(request)) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  const body = new Uint8Array(bytes);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}

/** The body as JSON; an empty one is `undefined`. */
export async function readJson(request: Request, bytesMax: number): Promise<unknown> {
  const bytes = await readBody(request, bytesMax);
  if (bytes.length === 0) return undefined;
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/([a-z.-]+\+)?json\b/i.test(type)) {
    throw new HubProblem(
      "invalid-request",
      `Cannot read a body of type "${type.slice(0, 100)}": send application/json.`,
    );
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new HubProblem("invalid-request", "Cannot read the body: it is not JSON in UTF-8.", { cause });
  }
}

/** The body as a form (application/x-www-form-urlencoded); a repeated field is refused. */
export async function readForm(request: Request, bytesMax: number): Promise<ReadonlyMap<string, string>> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) {
    throw new HubProblem("invalid-request", "Cannot read the body: send application/x-www-form-urlencoded.");
  }
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(new TextDecoder().decode(await readBody(request, bytesMax)))) {
    if (fields.has(name)) throw new HubProblem("invalid-request", `The field ${name.slice(0, 100)} is given twice.`);
    fields.set(name, value);
  }
  return fields;
}

/**
 * The body as it arrives. Gives up on a sender that has stalled or sends next to nothing; a dropped connection is a
 * truncated body.
 */
export async function* bodyChunks(
  request: Request,
  { idleMs = bodyIdleMs, graceMs = bodyIdleMs }: { idleMs?: number; graceMs?: number } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (request.body === null) return;
  const reader = request.body.getReader();
  const startedMs = performance.now();
  let bytes = 0;
  let finished = false;
  try {
    while (!finished) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) =>
        timer = setTimeout(
          () => reject(new HubProblem("checksum-mismatch", "Cannot accept this body: no bytes arrived for a while.")),
          idleMs,
        )
      );
      try {
        const { done, value } = await Promise.race([broken(reader.read()), late]);
        finished = done;
        if (value === undefined) continue;
        bytes += value.length;
        if (performance.now() - startedMs > graceMs + bytes / bodyBytesPerMsMin) {
          throw new HubProblem("checksum-mismatch", "Cannot accept this body: its bytes arrive too slowly.");
        }
        yield value;
      } finally {
        clearTimeout(timer);
      }
    }
  } finally {
    if (!finished) await reader.cancel().catch(() => {});
  }
}

async function broken<Value>(reading: Promise<Value>): Promise<Value> {
  try {
    return await reading;
  } catch (cause) {
    throw new HubProblem("checksum-mismatch", "Cannot accept this body: the connection broke.", { cause });
  }
}
