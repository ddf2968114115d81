import { assertEquals, assertMatch } from "../assert.ts";
import { makeAuthority, type ServerCertificate } from "./certificates.ts";
import { startOldServer } from "./old_tls_server.ts";
import { startOrigin } from "./origin.ts";
import { relayed } from "./relayed.ts";

Deno.test("every way in which a certificate is wrong has a message of its own", async (test) => {
  const folder = await Deno.makeTempDir();
  const otherFolder = await Deno.makeTempDir();
  const authority = await makeAuthority(folder);
  const stranger = await makeAuthority(otherFolder, "Inspecting Proxy/O=Example Ltd");
  const failureAt = async (port: number) => {
    await using net = await relayed({ allowed: [`localhost:${port}`], caCerts: [authority.ca] });
    return await net.failure(`https://localhost:${port}/`);
  };
  const failure = async (certificate: ServerCertificate | undefined) => {
    await using origin = startOrigin(certificate);
    const said = await failureAt(origin.port);
    if (!said.startsWith("no failure")) assertEquals(origin.headers, [], "nothing was sent");
    return said;
  };
  await test.step("a good one has none", async () => {
    assertEquals(await failure(await authority.issue("localhost")), "no failure: took 0 bytes");
  });
  await test.step("unknown issuer", async () => {
    assertMatch(
      await failure(await stranger.issue("localhost")),
      /signed by "Inspecting Proxy" \(Example Ltd\), an authority that is not known here .*TLS inspection looks like.*\[hub\] caFile/,
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
    assertMatch(
      await failure(certificate),
      /has expired: it is valid until 2021-01-01 00:00 UTC, and this machine's clock says 20\d\d-.* UTC .*date and time/,
    );
  });
  await test.step("not yet valid", async () => {
    const certificate = await authority.issue("localhost", { from: "20400101000000Z", to: "20410101000000Z" });
    assertMatch(
      await failure(certificate),
      /is not valid yet: it is valid from 2040-01-01 00:00 UTC, and this machine's clock says 20\d\d-.* UTC .*date and time/,
    );
  });
  await test.step("self-signed", async () => {
    const key = await Deno.readTextFile(`${otherFolder}/ca.key`);
    assertMatch(
      await failure({ cert: stranger.ca, key }),
      /is self-signed, by "Inspecting Proxy" \(Example Ltd\) .*CA:TRUE.* not even with \[hub\] caFile.*CA:FALSE/,
    );
  });
  await test.step("TLS 1.1 at most", async () => {
    await using server = await startOldServer({ folder, certificate: await authority.issue("localhost") });
    assertMatch(
      await failureAt(server.port),
      /it supports TLS 1\.1 at most, and TLS 1\.2 or newer is needed .*Enable TLS 1\.2 or newer on/,
    );
  });
  await test.step("no TLS at all", async () => {
    assertMatch(await failure(undefined), /does not speak TLS/);
  });
  await Deno.remove(folder, { recursive: true });
  await Deno.remove(otherFolder, { recursive: true });
});
