import { problemCodes } from "../../../src/protocol/problem.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { startTestHub } from "../start_hub.ts";

interface Operation {
  readonly operationId?: string;
  readonly parameters?: readonly { readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, unknown>>;
  readonly security: readonly unknown[];
}

Deno.test("the description names every operation, its body, and the refusals that any of its kind may get", async () => {
  await using test = await startTestHub();
  const response = await fetch(`${test.url}/api/openapi.json`);
  const { paths } = await response.json() as { paths: Record<string, Record<string, Operation>> };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation }))
  );
  assert(operations.length > 30);
  const ids = operations.map(({ operationId }) => operationId);
  assertEquals(new Set(ids).size, operations.length);
  for (const { path, method, operationId, parameters = [], requestBody, responses } of operations) {
    assertMatch(operationId ?? "", /^(get|post|put|patch|delete)([A-Z0-9][a-zA-Z0-9]*)+$/, `${method} ${path}`);
    const described = Object.keys(responses);
    const json = requestBody !== undefined && "application/json" in requestBody.content;
    const expected = [
      ...json ? ["400", "413"] : [],
      ...parameters.some((parameter) => parameter.in === "path") ? ["404"] : [],
    ];
    for (const status of expected) assert(described.includes(status), `${method} ${path}: ${status}`);
  }
  const upload = paths["/api/v1/uploads"]?.["put"]?.requestBody;
  assertEquals(Object.keys(upload?.content ?? {}), ["application/octet-stream"]);
  assert("429" in (paths["/api/v1/integrations"]?.["get"]?.responses ?? {}), "wrong API tokens are counted");
});

Deno.test("a known path with another method is answered 405 with Allow, OAuth's and the description's too", async () => {
  await using test = await startTestHub();
  for (
    const [method, path, allowed] of [
      ["GET", "/oauth/token", "POST"],
      ["GET", "/oauth/register", "POST"],
      ["PUT", "/oauth/device_authorization", "POST"],
      ["POST", "/.well-known/oauth-authorization-server", "GET"],
      ["POST", "/api/openapi.json", "GET"],
      ["PUT", "/api/v1/integrations", "GET, POST"],
    ] as const
  ) {
    const response = await fetch(`${test.url}${path}`, { method });
    const { type } = await response.json();
    assertEquals([path, response.status, response.headers.get("allow"), type], [
      path,
      405,
      allowed,
      "/problems/method-not-allowed",
    ]);
  }
});

Deno.test("the address in a problem's type says what it means", async () => {
  await using test = await startTestHub();
  const refused = await test.admin.request("GET", "/api/v1/integrations/none");
  const { type, title } = await refused.json();
  const page = await fetch(new URL(type, refused.url));
  assertEquals(page.status, 200);
  assertMatch(page.headers.get("content-type") ?? "", /^text\/plain/);
  assertMatch(await page.text(), new RegExp(`^${title} \\(HTTP status 404\\)\n\n.+\n$`));
  for (const code of problemCodes) {
    const response = await fetch(`${test.url}/problems/${code}`);
    assertEquals([code, response.status], [code, 200]);
    await response.body?.cancel();
  }
  const none = await fetch(`${test.url}/problems/none`);
  assertEquals([none.status, (await none.json()).type], [404, "/problems/not-found"]);
});
