import { assertEquals, assertRejects } from "../assert.ts";
import { allowedHosts, destinationOf, netPermissions, parseAllowedHost } from "../../src/egress/allowed_hosts.ts";

Deno.test("allowed hosts become Deno's permissions, which know whole labels only", () => {
  const allowed = allowedHosts({
    hubUrl: new URL("https://Hub.Example"),
    objectStoreHosts: ["minio.example:9000", "[2001:DB8::1]:9000", "b*.a.s3.example"],
  });
  assertEquals(netPermissions(allowed), [
    "hub.example:443",
    "*.s3-eu-west-1.amazonaws.com:443",
    "minio.example:9000",
    "[2001:db8::1]:9000",
    "*.a.s3.example:443",
  ]);
  assertEquals(destinationOf(new URL("http://[::1]")), { host: "::1", port: 80 });
});

Deno.test("host patterns that allow too much are refused", async () => {
  for (const pattern of ["*", "*.com", "a b", "https://x.example", "x.example:0", "x.example:70000", "", "*:443"]) {
    await assertRejects(() => parseAllowedHost(pattern), /^Cannot use object store host "/);
  }
});
