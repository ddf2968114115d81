/** What the pages answer, without a browser: who may see them, and what forms may do. */
import { consolePages } from "../../../src/hub/pages/mod.tsx";
import type { Role } from "../../../src/hub/services.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { sampleServices } from "../../browser/sample_services.ts";

const url = new URL("http://hub.example");
const page = "/account/integrations/online";

function setUp(options: { role?: Role } = {}) {
  const { services, secret, csrfToken } = sampleServices(url, options);
  const app = consolePages(services);
  const cookie = `cloud-link-session=${secret}`;
  const get = (path: string, headers: Record<string, string> = {}) =>
    app.request(new URL(path, url), { headers: { cookie, ...headers } });
  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    app.request(new URL(path, url), {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { cookie, "sec-fetch-site": "same-origin", ...headers },
    });
  return { get, post, csrf: csrfToken };
}

Deno.test("a page asks for a login first, and only then goes on to where the user wanted", async () => {
  const { get, post } = setUp();
  const refused = await get(`${page}?cursor=1`, { cookie: "" });
  assertEquals([refused.status, refused.headers.get("location")], [
    303,
    `/login?to=${encodeURIComponent(`${page}?cursor=1`)}`,
  ]);
  const expired = await post(`${page}/rename`, { name: "x" }, { cookie: "cloud-link-session=old" });
  assertEquals([expired.status, expired.headers.get("location")], [303, `/login?to=${encodeURIComponent(page)}`]);
  assertMatch(expired.headers.get("set-cookie") ?? "", /cloud-link-message=sessionExpired/);
});

Deno.test("the login leads to no other site", async () => {
  const { get } = setUp();
  for (const to of ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]) {
    const answer = await get(`/login?to=${encodeURIComponent(to)}`);
    assertEquals(answer.headers.get("location"), "/account/integrations", to);
  }
});

Deno.test("a form without the session's token changes nothing, and says how to go on", async () => {
  const { post } = setUp();
  for (const action of ["connect", "look", "save", "rename", "settings", "test", "pause", "resume", "delete"]) {
    for (const fields of [{}, { csrf: "" }, { csrf: "fedcba9876543210" }]) {
      const answer = await post(`${page}/${action}`, { name: "x", pin: "123456", ...fields });
      assertEquals(answer.status, 403, action);
      assertMatch(await answer.text(), /open for too long/);
    }
  }
});

Deno.test("a form over the limit is refused", async () => {
  const { post, csrf } = setUp();
  const answer = await post(`${page}/rename`, { csrf, name: "x".repeat(20_000) });
  assertEquals(answer.status, 413);
});

Deno.test("what is wrong stands next to its field, with what to do", async () => {
  const { post, csrf } = setUp();
  const empty = await post(`${page}/rename`, { csrf, name: "  " });
  assertEquals(empty.status, 422);
  assertMatch(await empty.text(), /id="field-name-error"[^>]*>.*Enter a name\./);
  const long = await post(`${page}/rename`, { csrf, name: "x".repeat(256) });
  assertMatch(await long.text(), /id="field-name-error"[^>]*>.*Use 255 characters at most/);
  const pasted = await post(`${page}/rename`, { csrf, name: "Berlin\tcalls" });
  assertMatch(await pasted.text(), /id="field-name-error"[^>]*>.*such as a tab\./);
  for (const pin of ["", "12345", "1234567", "12345a"]) {
    const answer = await post(`${page}/connect`, { csrf, pin });
    assertEquals(answer.status, 422);
    assertMatch(await answer.text(), /id="field-pin-error"[^>]*>.*A PIN has six digits/);
  }
  const wrong = await post(`${page}/connect`, { csrf, pin: "123 456" }, { "accept-language": "nl" });
  assertEquals(wrong.status, 422);
  assertMatch(await wrong.text(), /Deze PIN is onjuist of verlopen/);
});

Deno.test("what users type is shown as text", async () => {
  const { get } = setUp();
  const text = await (await get(page)).text();
  assert(text.includes("&lt;b&gt;und&lt;/b&gt;"));
  assert(!text.includes("<b>"));
});

Deno.test("an import that could not be loaded says why", async () => {
  const text = (await (await setUp().get(page)).text()).replaceAll(/<[^>]*>/g, "");
  assertMatch(text, /queues\.csvError: The batch is not CSV: record 7 has 3 fields, the first one has 4\./);
});

Deno.test("too many requests say when to try again", async () => {
  const { post, csrf } = setUp();
  const answer = await post(`${page}/pause`, { csrf });
  assertEquals([answer.status, answer.headers.get("retry-after")], [429, "90"]);
  assertMatch(await answer.text(), /Try again in 2 minutes.*<time datetime=/s);
  const login = await post("/login", { name: "admin", password: "x" }, { cookie: "" });
  assertEquals([login.status, login.headers.get("retry-after")], [429, "300"]);
  assertMatch(await login.text(), /Try again in 5 minutes/);
});

Deno.test("a hub that hands out no program says whom to ask for it, to who may connect one", async () => {
  for (const state of ["draft", "never-linked", "online"]) {
    const path = `/account/integrations/${state}`;
    assertMatch(await (await setUp().get(path)).text(), /Get the program from whoever runs this server/, state);
    assert(!(await (await setUp({ role: "viewer" }).get(path)).text()).includes("Get the program"), state);
  }
});

Deno.test("pages are kept nowhere", async () => {
  const { get } = setUp();
  for (const path of [page, "/account/integrations/none", "/account/nothing"]) {
    assertEquals((await get(path)).headers.get("cache-control"), "no-store", path);
  }
});

Deno.test("an unknown address is a page for browsers only", async () => {
  const { get } = setUp();
  const shown = await get("/nothing", { accept: "text/html,*/*", "accept-language": "de" });
  assertEquals(shown.status, 404);
  assertMatch(await shown.text(), /<html lang="de".*Seite nicht gefunden/s);
  const plain = await get("/nothing", { accept: "application/json" });
  assertEquals([plain.status, plain.headers.get("content-type")?.includes("html")], [404, false]);
});

Deno.test("the style sheet and the script are kept for good, under an address made of their content", async () => {
  const { get } = setUp();
  const text = await (await get(page)).text();
  const addresses = [...text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, address]) => address ?? "");
  assert(addresses.length >= 3);
  for (const address of addresses) {
    const answer = await get(address);
    assertEquals(answer.status, 200);
    assertMatch(answer.headers.get("cache-control") ?? "", /immutable/);
    await answer.body?.cancel();
  }
});

Deno.test("a message cannot be made up by whoever plants its cookie", async () => {
  const { get } = setUp();
  const flash = async (value: string) =>
    (await (await get(page, { cookie: `cloud-link-session=sample; cloud-link-message=${value}` })).text())
      .match(/class="flash">([^<]*)</)?.[1];
  assertEquals(await flash("flashSaved"), "The integration is saved.");
  assertEquals(await flash("password"), undefined);
  assertEquals(await flash("<script>"), undefined);
});

Deno.test("viewers see everything and find nothing to change", async () => {
  const { get } = setUp({ role: "viewer" });
  for (const state of ["draft", "never-linked", "online", "paused"]) {
    const text = await (await get(`/account/integrations/${state}`)).text();
    assertEquals([...text.matchAll(/<form[^>]*action="([^"]*)"/g)].map(([, action]) => action), ["/logout"], state);
  }
  assert(!(await (await get("/account/integrations")).text()).includes("/new"));
  for (const path of ["/account/integrations/new", `${page}/delete`]) assertEquals((await get(path)).status, 403, path);
});

Deno.test("the address of a refused form leads back to the page", async () => {
  const { get } = setUp();
  const answer = await get(`${page}/rename`);
  assertEquals([answer.status, answer.headers.get("location")], [303, page]);
});
