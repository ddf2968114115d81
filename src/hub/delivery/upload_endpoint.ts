/**
 * Where parts are PUT when the hub itself is the object store. The signature in the address is the only authorization.
 */
import * as z from "zod";
import type { Clock } from "../../runtime/clock.ts";
import { bodyChunks } from "../http/request_body.ts";
import type { LocalObjects } from "../objects/local_objects.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { HubProblem } from "../services.ts";
import { uploadPath, verifyUpload } from "./upload_address.ts";

/** `mayUpload` checks that the batch of a key still waits for parts, since a signature outlives its batch. */
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
    bodyType: "application/octet-stream",
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
        throw new HubProblem(code, `This address accepts ${upload.bytes} bytes, but ${announced} were announced.`);
      }
      if (!await options.mayUpload(upload.key)) {
        throw new HubProblem(
          "bad-upload-address",
          "This upload address has already been used: its batch is complete or gone.",
        );
      }
      await options.objects.put(upload.key, {
        body: bodyChunks(context.req.raw),
        bytes: upload.bytes,
        sha256: upload.sha256,
      });
      return context.body(null, 204);
    },
  });
}
