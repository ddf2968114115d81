/** The way from the compiled agent to a hub with TLS: by a proxy with a password, and to an address that is no hub. */
import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { type Authority, makeAuthority } from "../egress/certificates.ts";
import { startOrigin } from "../egress/origin.ts";
import { startTinyproxy } from "../egress/tinyproxy.ts";
import { executable } from "../setup/executable.ts";
import { TestHub } from "./hub.ts";
import { Installation, Program } from "./installation.ts";

/** This machine by a name of its own: addresses and names of loopback never go by a proxy. */
const host = Deno.hostname();
const password = "s3cret-of-the-proxy";

/** Makes an authority for one test. */
async function withAuthority(act: (authority: Authority, caFile: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const authority = await makeAuthority(folder);
    const caFile = join(folder, "company-ca.pem");
    await Deno.writeTextFile(caFile, authority.ca);
    await act(authority, caFile);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("through a proxy that wants a password, the agent links to a hub with TLS and delivers", () =>
  withAuthority(async (authority, caFile) => {
    await using hub = await TestHub.start({
      tls: { host, certificate: await authority.issue(host), ca: authority.ca },
    });
    const port = Number(new URL(hub.url).port);
    await using tinyproxy = await startTinyproxy([`BasicAuth jo ${password}`, `ConnectPort ${port}`]);
    await using installation = await Installation.make(hub.url, { hubToml: `caFile = "${caFile}"` });
    const by = (login: string) => ({ env: { https_proxy: `http://${login}@127.0.0.1:${tinyproxy.port}` } });
    {
      await using agent = installation.start(by("jo:wrong"));
      await agent.waitFor(/does not accept the user and password .*Correct them in https_proxy/);
      const { code, printed } = await installation.command("check");
      assertEquals(code, 1);
      assertMatch(printed, /^FAILED +Tunnel +.*does not accept the user and password/m);
      await agent.stop();
    }
    await using agent = installation.start(by(`jo:${password}`));
    const integration = await hub.addIntegration();
    await agent.waitFor(/Enter your pin/);
    await hub.connect(integration, await installation.pin());
    await agent.waitFor(/Linked to the integration/);
    await installation.drop("by-proxy.csv", crypto.getRandomValues(new Uint8Array(60_000))); // too large to go whole
    await hub.waitForImports(integration, 1);
    const { code, printed } = await installation.command("check");
    assertEquals(code, 0, printed);
    assertMatch(printed, /^ok +Proxy +http:\/\/127\.0\.0\.1:\d+ \(from https_proxy in the environment\)$/m);
    assertMatch(printed, /^ok +CA file +.* has 1 certificates?$/m);
    assertMatch(printed, /^ok +Tunnel +the proxy connects to /m);
    assertMatch(printed, /^ok +TLS +/m);
    assertMatch(printed, /^ok +Object store +/m);
    assert(!`${await installation.log()}${printed}${agent.printed}`.includes(password));
  }));

Deno.test("a proxy that closes idle tunnels is named, and changes get through all the same", () =>
  withAuthority(async (authority, caFile) => {
    await using hub = await TestHub.start({
      tls: { host, certificate: await authority.issue(host), ca: authority.ca },
    });
    await using tinyproxy = await startTinyproxy([`ConnectPort ${new URL(hub.url).port}`, "Timeout 6"]);
    await using installation = await Installation.make(hub.url, { hubToml: `caFile = "${caFile}"` });
    await using agent = installation.start({ env: { https_proxy: `http://127.0.0.1:${tinyproxy.port}` } });
    const integration = await hub.addIntegration();
    await agent.waitFor(/Enter your pin/);
    await hub.connect(integration, await installation.pin());
    await agent.waitFor(/was cut after \d+ s of silence: a proxy or firewall on the way closes idle connections/);
    await hub.ask("PATCH", `/api/v1/integrations/${integration}`, { paused: true });
    await agent.waitFor(/The integration is paused in the hub/);
  }));

Deno.test("an unknown authority is named, and counts once the system knows it", () =>
  withAuthority(async (authority, caFile) => {
    await using hub = await TestHub.start({
      tls: { host, certificate: await authority.issue(host), ca: authority.ca },
    });
    await using installation = await Installation.make(hub.url);
    {
      await using agent = installation.start();
      await agent.waitFor(
        /No PIN yet: .*signed by "Test Authority", an authority that is not known here .*TLS inspection/,
      );
      const { code, printed } = await installation.command("check");
      assertEquals(code, 1);
      assertMatch(printed, /^FAILED +TLS +.*signed by "Test Authority", an authority that is not known/m);
      await agent.stop();
    }
    // In a mount namespace of its own the system's certificates are what the test says.
    const bundle = "/etc/ssl/certs/ca-certificates.crt";
    const script = `mount --bind "$1" ${bundle} && shift && exec "$@"`;
    await using agent = new Program(
      ["--map-root-user", "--mount", "sh", "-c", script, "sh", caFile].concat(
        [executable, "run", "--config", installation.configFile, "--log-format", "text"],
      ),
      { path: "unshare" },
    );
    await agent.waitFor(/Enter your pin/);
  }));

Deno.test("a web server that is no hub is named as such, by the log, pin and check", () =>
  withAuthority(async (authority, caFile) => {
    const page = () => new Response("<h1>Welcome</h1>", { headers: { "content-type": "text/html" } });
    await using server = startOrigin(await authority.issue("localhost"), page);
    const url = `https://localhost:${server.port}`;
    await using installation = await Installation.make(url, { hubToml: `caFile = "${caFile}"` });
    await using agent = installation.start();
    await agent.waitFor(/No PIN yet: .*not a hub of injixo Cloud Link/);
    const pin = await installation.command("pin", "--no-wait");
    assertMatch(pin.printed, /not a hub of injixo Cloud Link.*\[hub\] url/);
    assertEquals(pin.code !== 0, true);
    const check = await installation.command("check");
    assertEquals(check.code, 1);
    assertMatch(check.printed, /^ok +TLS /m);
    assertMatch(check.printed, /^FAILED +Hub +.*not a hub of injixo Cloud Link/m);
    const secrets = server.headers.filter((line) => /^(authorization|proxy-authorization|cookie):/i.test(line));
    assertEquals(secrets, []);
  }));
