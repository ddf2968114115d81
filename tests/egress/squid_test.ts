import { assert, assertEquals, assertMatch } from "../assert.ts";
import { type Proxy, proxyFromEnvironment } from "../../src/egress/proxy.ts";
import { makeAuthority } from "./certificates.ts";
import { startOrigin } from "./origin.ts";
import { relayed } from "./relayed.ts";
import { startSquid } from "./squid.ts";

Deno.test("relay logs in to a real squid, and has a message for each of its refusals", async () => {
  const folder = await Deno.makeTempDir();
  const authority = await makeAuthority(folder);
  await using origin = startOrigin(await authority.issue("localhost"));
  await using forbidden = startOrigin();
  await using squid = await startSquid({ connectPorts: [origin.port] });
  const through = (userInfo: string) => {
    const proxy: Proxy | undefined = proxyFromEnvironment({ https_proxy: `http://${userInfo}127.0.0.1:${squid.port}` });
    assert(proxy !== undefined);
    return relayed({
      allowed: [`localhost:${origin.port}`, `localhost:${forbidden.port}`],
      caCerts: [authority.ca],
      proxy: { ...proxy, exceptions: [] },
    });
  };
  const url = `https://localhost:${origin.port}/`;
  {
    await using net = await through("jo:p4ss%25w%C3%B6rd@");
    assertEquals(await net.get(url), "took 0 bytes");
    assert(!/proxy|authorization/i.test(origin.headers.join("\n")), origin.headers.join("\n"));
    assertMatch(
      await net.failure(`https://localhost:${forbidden.port}/`),
      /refused with "HTTP\/1\.1 403 Forbidden"\. Ask for/,
    );
  }
  {
    await using net = await through("");
    assertMatch(
      await net.failure(url),
      /requires a user and a password \("HTTP\/1\.1 407 Proxy Authentication Required"\)/,
    );
  }
  {
    await using net = await through("jo:wrong@");
    assertMatch(await net.failure(url), /does not accept the user and password/);
  }
  await Deno.remove(folder, { recursive: true });
});
