import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { clientHello, readServerFlight } from "../../src/egress/tls_hello.ts";
import { assert, assertEquals } from "../assert.ts";
import { makeAuthority } from "./certificates.ts";
import { startOrigin } from "./origin.ts";

/** What a real server answers to a greeting. */
async function realFlight(): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await Deno.makeTempDir();
  const authority = await makeAuthority(folder);
  await using origin = startOrigin(await authority.issue("localhost"));
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: origin.port });
  await conn.write(clientHello("localhost", new Uint8Array(32).fill(7)));
  const buffer = new Uint8Array(64 * 1024);
  let length = 0;
  while (!readServerFlight(buffer.subarray(0, length))?.complete) {
    const read = await conn.read(buffer.subarray(length));
    assert(read !== null, "the server went away");
    length += read;
  }
  await Deno.remove(folder, { recursive: true });
  return buffer.slice(0, length);
}

Deno.test("a server's certificate is read from its greeting, however it is cut", async () => {
  const flight = await realFlight();
  const whole = readServerFlight(flight);
  assertEquals([whole?.version, whole?.complete], [0x0303, true]);
  assert(whole?.certificate !== undefined);
  assertEquals(new X509Certificate(Buffer.from(whole.certificate)).issuer, "CN=Test Authority");
  for (let length = 0; length < flight.length; length++) {
    const part = readServerFlight(flight.slice(0, length));
    assert(part !== undefined, `${length} bytes are taken for something else`);
    if (part.complete) assertEquals(part.certificate, whole.certificate);
  }
  // Records of one byte each mean the same.
  const messages = [...flight.subarray(5, 5 + (flight[3] ?? 0) * 256 + (flight[4] ?? 0))];
  const crumbs = Uint8Array.from(messages.flatMap((byte) => [22, 3, 3, 0, 1, byte]));
  assertEquals(readServerFlight(crumbs)?.version, 0x0303);
});

Deno.test("whatever a stranger answers to a greeting is read without harm", () => {
  const records = fc.array(fc.tuple(fc.constantFrom(20, 21, 22, 23, 99), fc.uint8Array({ maxLength: 64 })));
  fc.assert(
    fc.property(records, fc.uint8Array(), (parts, rest) => {
      const bytes = Uint8Array.from([
        ...parts.flatMap(([type, body]) => [type, 3, 3, 0, body.length, ...body]),
        ...rest,
      ]);
      const flight = readServerFlight(bytes);
      assert(flight === undefined || typeof flight.complete === "boolean");
    }),
    { numRuns: 2000 },
  );
  assertEquals(readServerFlight(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n")), undefined);
});
