import { assertEquals, assertMatch } from "../assert.ts";
import { makeAuthority, type ServerCertificate } from "./certificates.ts";
import { startOrigin } from "./origin.ts";
import { relayed } from "./relayed.ts";

Deno.test("every way in which a certificate is wrong has a message of its own", async (test) => {
  const folder = await Deno.makeTempDir();
  const otherFolder = await Deno.makeTempDir();
  const authority = await makeAuthority(folder);
  const stranger = await makeAuthority(otherFolder, "Inspecting Proxy");
  const failure = async (certificate: ServerCertificate | undefined) => {
    await using origin = startOrigin(certificate);
    await using net = await relayed({ allowed: [`localhost:${origin.port}`], caCerts: [authority.ca] });
    return await net.failure(`https://localhost:${origin.port}/`);
  };
  await test.step("a good one has none", async () => {
    assertEquals(await failure(await authority.issue("localhost")), "no failure: took 0 bytes");
  });
  await test.step("unknown issuer", async () => {
    assertMatch(
      await failure(await stranger.issue("localhost")),
      /signed by an authority that is not known here .*\[hub\] caFile/,
    );
  });
  await test.step("wrong name", async () => {
    assertMatch(
      await failure(await authority.issue("other.example")),
      /its certificate is for other\.example\. .*captive portal/,
    );
  });
  await test.step("expired", async () => {
    const certificate = await authority.issue("localhost", { from: "20200101000000Z", to: "20210101000000Z" });
    assertMatch(await failure(certificate), /has expired .*date and time/);
  });
  await test.step("not yet valid", async () => {
    const certificate = await authority.issue("localhost", { from: "20400101000000Z", to: "20410101000000Z" });
    assertMatch(await failure(certificate), /is not valid yet .*date and time/);
  });
  await test.step("no TLS at all", async () => {
    assertMatch(await failure(undefined), /does not speak TLS/);
  });
  await Deno.remove(folder, { recursive: true });
  await Deno.remove(otherFolder, { recursive: true });
});
