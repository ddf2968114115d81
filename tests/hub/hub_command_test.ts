import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertPrompt, assertRejects } from "../assert.ts";
import { runHub } from "../../src/cli/hub_command.ts";
import {
  tokenAdd,
  tokenList,
  tokenRemove,
  userAdd,
  userList,
  userPasswd,
  userRemove,
} from "../../src/cli/hub_accounts_command.ts";
import { openDatabase } from "../../src/hub/database/open.ts";
import { HubClient } from "./hub_client.ts";
import { startHubProcess } from "./hub_process.ts";
import { startTestHub } from "./start_hub.ts";

/** Runs a command and answers what it printed. */
async function printed(command: (io: { out: (line: string) => void }) => Promise<number>): Promise<string[]> {
  const lines: string[] = [];
  assertEquals(await command({ out: (line) => lines.push(line) }), 0);
  return lines;
}

/** Starts a hub, stops it once it serves, and answers what it printed. */
async function printedByStart(options: { dataDirectory: string; account?: string }): Promise<string[]> {
  const stop = new AbortController();
  return await printed(({ out }) =>
    runHub({ listen: "127.0.0.1:0", ...options }, {
      signal: stop.signal,
      out(line) {
        out(line);
        if (line.startsWith("Hub ready at ")) stop.abort();
      },
    })
  );
}

Deno.test("the first start makes an administrator with a password printed once, and later ones print none", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-" });
  try {
    const starts: string[][] = [];
    for (let start = 0; start < 2; start++) starts.push(await printedByStart({ dataDirectory }));
    const [first, second] = starts;
    assertMatch(first?.[0] ?? "", /"admin" with the password \w{5}-\w{5}-\w{5}-\w{5}$/);
    assert(first?.[1]?.endsWith(`hub user passwd admin --data "${dataDirectory}"`), first?.[1]);
    assertMatch(first?.at(-1) ?? "", /^Hub ready at http:\/\/127\.0\.0\.1:\d+$/);
    assertEquals(second?.length, 1);
    const stored = new TextDecoder("latin1").decode(await Deno.readFile(`${dataDirectory}/hub.db`));
    assert(!stored.includes(first?.[0]?.split(" ").at(-1) ?? "-"), "the password is stored as it is");
    assertEquals((await Deno.stat(dataDirectory)).mode ?? 0, 0o40700);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("where no hub was started, users and tokens are not managed, and no hub is made", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hub-" });
  try {
    const dataDirectory = `${folder}/hub-data`;
    const io = { out: () => {} };
    const named = { dataDirectory, name: "bob" };
    for (
      const command of [
        () => userAdd(named, io),
        () => userList({ dataDirectory }, io),
        () => userRemove(named, io),
        () => userPasswd(named, io),
        () => tokenAdd(named, io),
        () => tokenList({ dataDirectory }, io),
        () => tokenRemove(named, io),
      ]
    ) {
      const { message } = await assertRejects(command, /no hub\.db\. Name its data folder with --data DIR, or start/);
      assert(message.includes(`"${dataDirectory}"`), message);
    }
    assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a hub without an administrator makes one, and a start that fails makes none that nobody knows", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-" });
  try {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const listen = `127.0.0.1:${taken.addr.port}`;
    await assertRejects(() => runHub({ dataDirectory, listen }, { signal: AbortSignal.abort(), out: () => {} }));
    assertMatch((await printedByStart({ dataDirectory }))[0] ?? "", /log in as "admin"/);

    await using data = await openDatabase(dataDirectory);
    await data.database.updateTable("user").set({ role: "viewer" }).execute();
    assertMatch((await printedByStart({ dataDirectory }))[0] ?? "", /log in as "admin2"/);
    assertEquals((await printedByStart({ dataDirectory })).length, 1);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("a hub whose database is damaged says which file it is and what to do, and leaves it as it is", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-" });
  try {
    await printedByStart({ dataDirectory });
    const file = join(dataDirectory, "hub.db");
    const whole = await Deno.readFile(file);
    for (const [start, length] of [[0, 100], [100, 8192]] as const) {
      const harmed = whole.slice().fill(7, start, start + length);
      await Deno.writeFile(file, harmed);
      const { message } = await assertRejects(() => printedByStart({ dataDirectory }), /restore .* from a backup/);
      assert(message.includes(`"${file}": it is damaged`), message);
      assertEquals(await Deno.readFile(file), harmed);
    }
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("--account names the account at any start, and without it the name stays", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-" });
  try {
    const nameAfter = async (account?: string) => {
      await printedByStart({ dataDirectory, ...(account === undefined ? {} : { account }) });
      await using data = await openDatabase(dataDirectory);
      return (await data.database.selectFrom("account").select("name").execute()).map(({ name }) => name);
    };
    assertEquals(await nameAfter(), ["My account"]);
    assertEquals(await nameAfter("Acme"), ["Acme"]);
    assertEquals(await nameAfter(), ["Acme"]);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("users and API tokens are managed beside a running hub, and a removed token opens nothing at once", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-" });
  try {
    await using hub = await startHubProcess(dataDirectory);
    assertMatch(hub.password ?? "", /^\w{5}(-\w{5}){3}$/);
    const added = await printed((io) => tokenAdd({ dataDirectory, name: "script" }, io));
    const client = new HubClient({ url: hub.url, token: added.at(-1) });
    const list = () => client.request("GET", "/api/v1/integrations");
    const response = await list();
    assertEquals([response.status, await response.json()], [200, { items: [], next: null }]);
    assertMatch(
      (await printed((io) => tokenList({ dataDirectory }, io))).join(),
      /^script\tadministrator\t.*last used/,
    );
    await assertRejects(() => tokenAdd({ dataDirectory, name: "script" }, { out: () => {} }), /there is one already/);
    await printed((io) => tokenRemove({ dataDirectory, name: "script" }, io));
    const refused = await list();
    assertEquals(refused.status, 401);
    await refused.body?.cancel();

    await printed((io) => userAdd({ dataDirectory, name: "eve", role: "viewer" }, io));
    const users = JSON.parse((await printed((io) => userList({ dataDirectory, json: true }, io))).join());
    assertEquals(users.map(({ name, role }: { name: string; role: string }) => [name, role]), [
      ["admin", "administrator"],
      ["eve", "viewer"],
    ]);
    await printed((io) => userPasswd({ dataDirectory, name: "eve", password: "correct horse" }, io));
    await assertRejects(
      () => userPasswd({ dataDirectory, name: "eve", password: "short" }, { out: () => {} }),
      /Use 10/,
    );
    await printed((io) => userRemove({ dataDirectory, name: "eve" }, io));
    await assertRejects(() => userRemove({ dataDirectory, name: "admin" }, { out: () => {} }), /last administrator/);

    const startedMs = performance.now();
    assertEquals((await hub.stop("SIGTERM")).code, 0);
    assertPrompt(performance.now() - startedMs);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("names have one rule: who is added can log in, and what cannot be typed at the login is not added", async () => {
  await using test = await startTestHub();
  const { dataDirectory } = test;
  const password = "correct horse";
  const [added] = await printed((io) => userAdd({ dataDirectory, name: " bob smith ", role: "viewer", password }, io));
  assertEquals(added, 'Added viewer "bob smith".');
  for (const name of ["bob smith", " bob smith "]) {
    const login = await test.hub.services.sessions.logIn({ name, password }, { address: "192.0.2.1" });
    assert(login.ok, name);
  }
  const io = { out: () => {} };
  for (
    const [name, problem] of [
      [" ", /the name is empty: it must have at least 1 character$/],
      ["x".repeat(256), /the name has 256 characters: it must have at most 255 characters$/],
      ["bob\tsmith", /the name has the wrong form: it must be text with no control characters$/],
    ] as const
  ) {
    await assertRejects(() => userAdd({ dataDirectory, name }, io), problem);
    await assertRejects(() => tokenAdd({ dataDirectory, name }, io), problem);
    await assertRejects(
      () => runHub({ dataDirectory, account: name }, { signal: AbortSignal.abort(), ...io }),
      problem,
    );
    const login = await test.hub.services.sessions.logIn({ name, password }, { address: "192.0.2.1" });
    assert(!login.ok && login.reason === "wrong");
  }
});

Deno.test("the hub does not listen beyond this machine without TLS unless told, and says what to do", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-" });
  const ended = AbortSignal.abort();
  try {
    const run = (options: Parameters<typeof runHub>[0]) =>
      runHub({ dataDirectory, ...options }, { signal: ended, out: () => {} });
    await assertRejects(() => run({ listen: "0.0.0.0:0" }), /Cannot listen on "0\.0\.0\.0": .*--allow-insecure-listen/);
    assertEquals(await run({ listen: "0.0.0.0:0", allowInsecureListen: true }), 0);
    await assertRejects(() => run({ listen: "somewhere" }), /write HOST:PORT/);
    await assertRejects(() => run({ tlsCertFile: "cert.pem" }), /give both/);
    const missing = { tlsCertFile: `${dataDirectory}/no.pem`, tlsKeyFile: `${dataDirectory}/no.key` };
    await assertRejects(
      () => run(missing),
      /Cannot read ".*no\.pem" \(--tls-cert\): it does not exist\. Name a PEM file/,
    );
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await assertRejects(() => run({ listen: `127.0.0.1:${taken.addr.port}` }), /another program listens there/);
    await assertRejects(() => run({ publicUrl: "https://hub.example/path" }), /scheme and host only/);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("a data folder has one hub: a second one is refused, and may start once the first has stopped", async () => {
  await using test = await startTestHub();
  const { dataDirectory, hub } = test;
  const second = () => runHub({ dataDirectory, listen: "127.0.0.1:0" }, { signal: AbortSignal.abort(), out: () => {} });
  await assertRejects(second, /Cannot use the data in ".*": another hub is using it\. Stop that one first/);
  await hub[Symbol.asyncDispose]();
  assertEquals(await second(), 0);
});

Deno.test("behind a proxy with TLS the hub names its public address, and browsers are told to insist on https", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-" });
  const stop = new AbortController();
  const ready = Promise.withResolvers<number>();
  const running = runHub({ dataDirectory, listen: "127.0.0.1:0", publicUrl: "https://hub.example", json: true }, {
    signal: stop.signal,
    out(line) {
      const event = JSON.parse(line);
      if (event.event === "ready") ready.resolve(event.port);
    },
  });
  try {
    const response = await fetch(`http://127.0.0.1:${await ready.promise}/.well-known/oauth-authorization-server`);
    assertEquals((await response.json()).token_endpoint, "https://hub.example/oauth/token");
    assertMatch(response.headers.get("strict-transport-security") ?? "", /^max-age=\d+$/);
  } finally {
    stop.abort();
    await running;
    await Deno.remove(dataDirectory, { recursive: true });
  }
});
