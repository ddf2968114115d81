import { bodyChunks } from "../../../src/hub/http/request_body.ts";
import { assertEquals, assertRejects } from "../../assert.ts";

function requestOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): Request {
  return new Request("http://hub.example/", { method: "POST", body });
}

Deno.test("a body whose sender falls silent, or sends a byte now and then, is given up", async () => {
  let cancelled = 0;
  const silent = new ReadableStream<Uint8Array<ArrayBuffer>>({ cancel: () => void cancelled++ });
  await assertRejects(
    () => Array.fromAsync(bodyChunks(requestOf(silent), { idleMs: 20 })),
    /no bytes arrived for a while/,
  );
  const dripping = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      controller.enqueue(new Uint8Array(1));
    },
    cancel: () => void cancelled++,
  });
  await assertRejects(
    () => Array.fromAsync(bodyChunks(requestOf(dripping), { graceMs: 50 })),
    /its bytes arrive too slowly/,
  );
  assertEquals(cancelled, 2);
});
