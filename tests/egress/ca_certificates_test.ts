import { assertEquals, assertRejects } from "../assert.ts";
import { parseCaCertificates } from "../../src/egress/ca_certificates.ts";
import { makeAuthority } from "./certificates.ts";

Deno.test("certificates of caFile are checked, since Deno takes garbage in silence", async () => {
  const folder = await Deno.makeTempDir();
  const { ca } = await makeAuthority(folder);
  const file = "ca.pem";
  assertEquals(parseCaCertificates(`comment\n${ca}${ca.replaceAll("\n", "\r\n")}`, { file }).length, 2);
  const key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  const cases: [string, RegExp][] = [
    ["", /"ca\.pem": it has no certificate\. \[hub\] caFile needs/],
    [
      `${ca}${ca.replaceAll(" CERT", " TRUSTED CERT")}`,
      /it has a "TRUSTED CERTIFICATE"; convert it with "openssl x509"/,
    ],
    [key, /it has a private key and no certificate/],
    [`${ca}${ca.slice(0, 200)}`, /its last certificate is cut off/],
    [`${ca}${ca.replace(/\n[A-Za-z0-9+/]{20}/, "\nAAAAAAAAAAAAAAAAAAAA")}`, /certificate 2 of 2 cannot be read/],
  ];
  for (const [pem, expected] of cases) await assertRejects(() => parseCaCertificates(pem, { file }), expected);
  await Deno.remove(folder, { recursive: true });
});
