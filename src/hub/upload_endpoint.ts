/** Where parts are PUT when the hub itself is the object store. The signature in the address is all the authority. */
import { z } from "zod";
import type { Clock } from "../runtime/clock.ts";
import type { LocalObjects } from "./local_objects.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { uploadIdleMs } from "./limits.ts";
import { HubProblem } from "./services.ts";
import { uploadPath, verifyUpload } from "./upload_address.ts";

/** `mayUpload` says whether the batch of a key still waits for parts: a signature alone outlives the batch. */
export function uploadEndpoint(options: {
  objects: LocalObjects;
  secret: Uint8Array;
  clock: Clock;
  mayUpload(key: string): Promise<boolean>;
}): Endpoint {
  return endpoint({
    method: "put",
    path: uploadPath,
    summary: "One part, to its signed address",
    tag: "agent",
    audience: "nobody",
    query: z.object({ signature: z.string().optional() }),
    problems: ["bad-upload-address", "checksum-mismatch", "too-large"],
    responses: { 204: { description: "Stored" } },
    async handle({ context }) {
      const upload = verifyUpload(context.req.query(), { secret: options.secret, nowMs: options.clock.now() });
      if (upload === undefined) {
        throw new HubProblem("bad-upload-address", "This upload address is forged, altered or has expired.");
      }
      const announced = context.req.header("content-length");
      if (announced !== undefined && Number(announced) !== upload.bytes) {
        const code = Number(announced) > upload.bytes ? "too-large" : "checksum-mismatch";
        throw new HubProblem(code, `This address takes ${upload.bytes} bytes, ${announced} are announced.`);
      }
      if (!await options.mayUpload(upload.key)) {
        throw new HubProblem(
          "bad-upload-address",
          "This upload address was used already: its batch is complete or gone.",
        );
      }
      await options.objects.put(upload.key, {
        body: withoutPauses(context.req.raw.body ?? new ReadableStream({ start: (stream) => stream.close() })),
        bytes: upload.bytes,
        sha256: upload.sha256,
      });
      return context.body(null, 204);
    },
  });
}

/** Gives up on a sender from whom nothing comes any more; a line that breaks is a truncated part. */
async function* withoutPauses(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader();
  let finished = false;
  try {
    while (!finished) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) =>
        timer = setTimeout(
          () => reject(new HubProblem("checksum-mismatch", "Cannot take this part: no bytes came for a while.")),
          uploadIdleMs,
        )
      );
      try {
        const { done, value } = await Promise.race([broken(reader.read()), late]);
        finished = done;
        if (value !== undefined) yield value;
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
    throw new HubProblem("checksum-mismatch", "Cannot take this part: the connection broke.", { cause });
  }
}
