import * as oauth from "oauth4webapi";
import { exportJWK, generateKeyPair } from "jose";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { pinLifetimeSeconds } from "../../../src/protocol/linking.ts";
import { startTestHub } from "../start_hub.ts";
import { ShiftedClock } from "../test_clock.ts";
import { TestAgent } from "../test_agent.ts";

const insecure = { [oauth.allowInsecureRequests]: true };

Deno.test("a standard OAuth client registers, shows a PIN and gets tokens by device grant and by its key", async () => {
  await using test = await startTestHub();
  const issuer = new URL(test.url);
  const server = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure }),
  );
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const { kty, crv, x, y } = await exportJWK(publicKey);
  const registered = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(server, {
      "client_name": "acd-server",
      "token_endpoint_auth_method": "private_key_jwt",
      "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "client_credentials"],
      jwks: { keys: [{ kty, crv, x, y } as oauth.JWK] },
    }, insecure),
  );
  const client: oauth.Client = { "client_id": registered.client_id };
  const auth = oauth.PrivateKeyJwt(privateKey);

  const device = await oauth.processDeviceAuthorizationResponse(
    server,
    client,
    await oauth.deviceAuthorizationRequest(server, client, auth, {}, insecure),
  );
  assertMatch(device.user_code, /^\d{6}$/);
  assertEquals([device.expires_in, device.interval], [pinLifetimeSeconds, 5]);
  assertEquals(device.verification_uri, `${test.url}/account/integrations`);
  const poll = async () =>
    await oauth.processDeviceCodeResponse(
      server,
      client,
      await oauth.deviceCodeGrantRequest(server, client, auth, device.device_code, insecure),
    );
  assertEquals(await oauthError(poll), "authorization_pending");

  const integration = await test.admin.createIntegration("ACD");
  const installation = await test.admin.connect(integration.id, device.user_code);
  assertEquals(installation.hostName, "acd-server");
  const first = await poll();
  assertEquals(first.expires_in, 600);
  const later = await oauth.processClientCredentialsResponse(
    server,
    client,
    await oauth.clientCredentialsGrantRequest(server, client, auth, {}, insecure),
  );
  for (const { access_token: token } of [first, later]) {
    const response = await fetch(`${test.url}/api/v1/agent/assignment`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const body = await response.json();
    assertEquals([response.status, body.link.integration.name, body.source.type], [200, "ACD", "csv"]);
  }
});

async function oauthError(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) return error.error;
    throw error;
  }
  return "none";
}

Deno.test("an assertion is refused when it is replayed, for another hub, expired, too long-lived, by another key or another's", async () => {
  await using test = await startTestHub();
  const agent = await TestAgent.register(test.url);
  const other = await TestAgent.register(test.url);
  const now = Math.floor(Date.now() / 1000);
  const error = async (assertion: string, fields: Record<string, string> = {}) => {
    const response = await agent.form("/oauth/device_authorization", { "client_assertion": assertion, ...fields });
    const body = await response.json();
    return response.status === 200 ? "none" : `${response.status} ${body.error}`;
  };
  const used = await agent.assertion();
  assertEquals(await error(used), "none");
  assertEquals(await error(used), "401 invalid_client");
  const refused: Record<string, string> = {
    "for another hub": await agent.assertion({ aud: "https://hub.example" }),
    "expired": await agent.assertion({ iat: now - 300, exp: now - 120 }),
    "too long-lived": await agent.assertion({ exp: now + 3600 }),
    "without jti": await agent.assertion({ jti: undefined }),
    "without exp": await agent.assertion({ exp: undefined }),
    "by another's key": await other.assertion({ iss: agent.clientId, sub: agent.clientId }),
    "of an unknown client": await agent.assertion({ iss: "nobody", sub: "nobody" }),
    "unsigned": `${btoa('{"alg":"none"}').replaceAll("=", "")}.${(await agent.assertion()).split(".")[1]}.`,
    "garbage": "a.b.c",
  };
  for (const [name, assertion] of Object.entries(refused)) {
    assertEquals([name, await error(assertion)], [name, "401 invalid_client"]);
  }
  assertEquals(await error(await agent.assertion(), { "client_id": other.clientId }), "401 invalid_client");
  // A clock that is off by less than a minute is forgiven, and so is the token endpoint as audience.
  assertEquals(await error(await agent.assertion({ iat: now - 100, exp: now - 40 })), "none");
  assertEquals(await error(await agent.assertion({ aud: `${test.url}/oauth/token` })), "none");
  const open = await fetch(`${test.url}/oauth/token`, {
    method: "POST",
    body: new URLSearchParams({ "grant_type": "client_credentials", "client_id": agent.clientId }),
  });
  assertEquals([open.status, (await open.json()).error], [401, "invalid_client"]);
});

Deno.test("the token endpoint tells what became of a PIN: pending, too fast, replaced, expired, another's", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const integration = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.register(test.url);
  const other = await TestAgent.register(test.url);
  assertEquals(await agent.fetchToken(), "unauthorized_client");

  const old = await agent.showPin();
  const shown = await agent.showPin();
  assertEquals(await agent.fetchToken(old.deviceCode), "expired_token");
  const late = await test.admin.request("POST", `/api/v1/integrations/${integration.id}/link`, {
    json: { pin: old.pin },
  });
  assertEquals([late.status, (await late.json()).type], [404, "/problems/wrong-pin"]);

  assertEquals(await agent.fetchToken(shown.deviceCode), "authorization_pending");
  assertEquals(await agent.fetchToken(shown.deviceCode), "slow_down");
  assertEquals(await other.fetchToken(shown.deviceCode), "invalid_grant");
  assertEquals(await agent.fetchToken("x".repeat(43)), "invalid_grant");
  clock.advance(pinLifetimeSeconds * 1000);
  agent.clockShiftSeconds = pinLifetimeSeconds;
  assertEquals(await agent.fetchToken(shown.deviceCode), "expired_token");
  const expired = await test.admin.request("POST", `/api/v1/integrations/${integration.id}/link`, {
    json: { pin: shown.pin },
  });
  assertEquals(expired.status, 404, await expired.text());
});

Deno.test("an installation that was never linked is forgotten, a linked one is not", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const integration = await test.admin.createIntegration("ACD");
  const never = await TestAgent.register(test.url);
  const linked = await TestAgent.linked(test.admin, integration.id);
  const dayMs = 25 * 60 * 60 * 1000;
  clock.advance(dayMs);
  await test.hub.sweep();
  never.clockShiftSeconds = linked.clockShiftSeconds = dayMs / 1000;
  assertEquals(await never.fetchToken(), "invalid_client");
  assertEquals(await linked.fetchToken(), undefined);
});

Deno.test("a key that is no point of the curve, a public client and other kinds of keys cannot be registered", async () => {
  await using test = await startTestHub();
  const zero = "A".repeat(43);
  for (
    const [method, key] of [
      ["private_key_jwt", { kty: "EC", crv: "P-256", x: zero, y: zero }],
      ["private_key_jwt", { kty: "RSA", n: zero, e: "AQAB" }],
      ["none", { kty: "EC", crv: "P-256", x: zero, y: zero }],
    ] as const
  ) {
    const response = await fetch(`${test.url}/oauth/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        "client_name": "x",
        "token_endpoint_auth_method": method,
        "grant_types": [],
        jwks: { keys: [key] },
      }),
    });
    assertEquals([response.status, (await response.json()).error], [400, "invalid_client_metadata"]);
  }
  const metadata = await (await fetch(`${test.url}/.well-known/oauth-authorization-server`)).json();
  assert(!metadata.token_endpoint_auth_methods_supported.includes("none"));
});
