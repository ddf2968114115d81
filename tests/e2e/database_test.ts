/** Database integrations from end to end: the compiled agent reads, the compiled hub counts. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { startMariadb } from "../databases/mariadb.ts";
import { startPostgresql } from "../databases/postgresql.ts";
import { eventually } from "../eventually.ts";
import { TestHub } from "./hub.ts";
import { Installation, type Program } from "./installation.ts";

const day = Temporal.Now.zonedDateTimeISO("Europe/Berlin").startOfDay();
const query = "SELECT q AS queueidentifier, 'Störung' AS queuename, t AS timestamp, 1 AS answered FROM calls";
const settings = {
  dataType: "contact",
  timeZone: "Europe/Berlin",
  query,
  everyMinutes: 15,
  history: day.subtract({ days: 3 }).toPlainDate().toString(),
};

async function linked(hub: TestHub, installation: Installation, given: Record<string, unknown>) {
  const agent = installation.start();
  const { id } = await hub.ask("POST", "/api/v1/integrations", {
    name: "Datenbank",
    type: "database",
    settings: { ...settings, ...given },
  });
  await hub.connect(id, (await agent.waitFor(/Enter your pin: (\d{6})/))[1] ?? "");
  await agent.waitFor(/Linked to the integration/);
  return { agent, integration: id as string };
}

async function rowsAtHub(hub: TestHub, integration: string): Promise<number> {
  return (await hub.ask("GET", `/api/v1/integrations/${integration}/windows`)).rows;
}

async function idsAtHub(hub: TestHub, integration: string): Promise<string[]> {
  const rows = await hub.ask("GET", `/api/v1/integrations/${integration}/rows?format=json`);
  return rows.map(({ queueidentifier }: { queueidentifier: string }) => queueidentifier);
}

/** One row a minute since the day before yesterday, two hours ago at the latest. */
function minutes(): string[] {
  const start = day.subtract({ days: 2 });
  const end = Temporal.Now.zonedDateTimeISO("Europe/Berlin").subtract({ hours: 2 });
  const count = Math.floor(start.until(end, { largestUnit: "minutes" }).minutes);
  return Array.from(
    { length: count },
    (_, minute) =>
      start.add({ minutes: minute }).toPlainDateTime().toString({ smallestUnit: "second" }).replace("T", " "),
  );
}

function writeSqlite(file: string, times: readonly string[]): void {
  using database = new DatabaseSync(file);
  database.exec("CREATE TABLE IF NOT EXISTS calls (q TEXT, t TEXT)");
  const insert = database.prepare("INSERT INTO calls VALUES (?, ?)");
  database.exec("BEGIN");
  times.forEach((time, index) => insert.run(`q${index % 7}`, time));
  database.exec("COMMIT");
}

/** One row, an hour ago. */
function addRow(file: string, q: string): void {
  writeSqlite(file, []);
  using database = new DatabaseSync(file);
  const time = Temporal.Now.zonedDateTimeISO("Europe/Berlin").subtract({ hours: 1 }).toPlainDateTime();
  database.prepare("INSERT INTO calls VALUES (?, ?)").run(
    q,
    time.toString({ smallestUnit: "second" }).replace("T", " "),
  );
}

Deno.test("PostgreSQL by ODBC: history and live rows arrive, counted alike at the source, in the batches and at the hub", async () => {
  await using server = await startPostgresql();
  const times = minutes();
  await server.sql("CREATE TABLE calls (q integer, t timestamp)");
  await server.sql(
    `INSERT INTO calls SELECT n % 7, t FROM (VALUES ${
      times.map((time, index) => `(${index}, TIMESTAMP '${time}')`).join(",")
    }) AS v (n, t)`,
  );
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url, { toml: "[app]\nverbose = true" });
  const { host, port, database, user, password } = server;
  const { agent, integration } = await linked(hub, installation, {
    ...{ databaseType: "postgresql", host, port, database, user, password },
  });
  await using _agent = agent;
  const counted = Number(await server.sql("SELECT count(*) FROM calls"));
  assertEquals(counted, times.length);
  await eventually(async () => await rowsAtHub(hub, integration) === counted);
  const { items } = await hub.ask("GET", `/api/v1/integrations/${integration}/windows`);
  assert(items.length > 0);
  for (const { agrees, rows } of items) assert(agrees && rows.source === rows.hub + rows.refused);
  // A row that is committed late is found by the next live run, which reads two hours back.
  await server.sql(`INSERT INTO calls SELECT 99, max(t) + interval '1 hour' FROM calls`);
  await hub.ask("POST", `/api/v1/integrations/${integration}/requests`, { type: "import-now" });
  await eventually(async () => await rowsAtHub(hub, integration) === counted + 1);
  const log = await installation.log();
  assert(!log.includes(password), "the password is in the log");
  assertMatch(log, /Read \d+ rows of .* The first of them:/);
});

Deno.test("MariaDB by its parts: rows arrive, refused ones are told, tests say what is wrong, and no password is in log or hub", async () => {
  await using server = await startMariadb();
  const times = minutes();
  await server.sql(`CREATE TABLE calls (q integer, name text, t datetime, answered integer);
    INSERT INTO calls VALUES ${
    times.map((time, index) =>
      `(${index % 7}, ${["NULL", "''", "'Süd 😀'"][index % 3]}, '${time}', ${index === 5 ? -1 : 1})`
    ).join(",")
  }`);
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  const { host, port, database, user, password } = server;
  const { agent, integration } = await linked(hub, installation, {
    ...{ databaseType: "mysql", host, port, database, user, password },
    query: "SELECT q AS QueueIdentifier, name AS queuename, t AS timestamp, answered FROM calls ORDER BY t; -- all",
  });
  await using _agent = agent;
  await eventually(async () => await rowsAtHub(hub, integration) === times.length - 1);
  const { refused } = await hub.ask("GET", `/api/v1/integrations/${integration}/windows`);
  assertMatch(JSON.stringify(refused), /answered is .*-1.*must not be negative/);
  const path = `/api/v1/integrations/${integration}/rows?format=json`;
  const rows: { queuename: string | null }[] = await (await hub.request("GET", path)).json();
  assertEquals(
    rows.filter(({ queuename }) => queuename === "Süd 😀").length,
    times.filter((_, index) => index % 3 === 2 && index !== 5).length,
  );

  assertEquals((await answerOf(hub, { integration })).ok, true);
  await hub.ask("PATCH", `/api/v1/integrations/${integration}`, { settings: { password: "not the one" } });
  assertMatch((await answerOf(hub, { integration })).message, /\[28000\].*check user, password and database name/);
  await hub.ask("PATCH", `/api/v1/integrations/${integration}`, {
    settings: { password, query: "SELECT nope AS queueidentifier FROM calls" },
  });
  assertMatch((await answerOf(hub, { integration })).message, /\[42S22\].*names a column that does not exist/);
  const log = await installation.log();
  for (const secret of [password, "not the one"]) {
    assert(!log.includes(secret), "a password is in the log");
    assertEquals(await filesWith(hub.folder, secret), []);
  }
});

/** What the installation answers when it is asked to test the settings that are saved, or to look for new rows. */
async function answerOf(
  hub: TestHub,
  { integration, type = "test" }: { integration: string; type?: "test" | "import-now" },
): Promise<{ ok: boolean; message: string }> {
  const requests = `/api/v1/integrations/${integration}/requests`;
  const { id } = await hub.ask("POST", requests, { type });
  let answer: { ok: boolean; message: string } | null = null;
  await eventually(async () => (answer = (await hub.ask("GET", `${requests}/${id}`)).answer) !== null);
  assert(answer);
  return answer;
}

async function filesWith(folder: string, text: string): Promise<string[]> {
  const args = ["--recursive", "--files-with-matches", "--text", "--fixed-strings", "-e", text, folder];
  const { stdout } = await new Deno.Command("grep", { args }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

Deno.test("agent status in real time: one cycle after the other arrives by one process that stays connected", async () => {
  await using server = await startPostgresql();
  const now = "timezone('Europe/Berlin', now())";
  await server.sql("CREATE TABLE status (agent integer, started timestamp, activity text)");
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  const { host, port, database, user, password } = server;
  const { agent, integration } = await linked(hub, installation, {
    ...{ databaseType: "postgresql", host, port, database, user, password },
    ...{ dataType: "agent-status", realTime: true, history: null },
    query: "SELECT agent AS agentidentifier, started AS starttime, activity FROM status",
  });
  await using _agent = agent;
  const sessions: string[] = [];
  for (const cycle of [1, 2, 3]) {
    await server.sql(`INSERT INTO status SELECT n, ${now}, 'ready' FROM generate_series(1, 200) n`);
    await eventually(async () => await rowsAtHub(hub, integration) === 200 * cycle);
    sessions.push(
      (await server.sql(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
      ))
        .trim(),
    );
  }
  assertMatch(sessions[0] ?? "", /^\d+$/);
  assertEquals(sessions, [sessions[0], sessions[0], sessions[0]]);
});

Deno.test("kill -9 while a database is read loses no row and doubles none", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  const times = minutes();
  writeSqlite(installation.path("calls.db"), times);
  // Takes about a second a window: when one arrives at the hub, the next one is still being read.
  const slow = `${query} WHERE length(hex(zeroblob(50000 + length(q)))) > 0`;
  const { agent: first, integration } = await linked(hub, installation, {
    ...{ databaseType: "sqlite", file: "calls.db", query: slow },
  });
  let agent: Program = first;
  await using _agent = { [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose]() };
  let rows = 0;
  let interrupted = 0;
  for (let kills = 0; kills < 4 && rows < times.length; kills++) {
    const before = rows;
    await eventually(async () => await rowsAtHub(hub, integration) > before);
    await agent.stop("SIGKILL");
    rows = await rowsAtHub(hub, integration);
    if (rows < times.length) interrupted++;
    agent = installation.start();
  }
  assert(interrupted > 0, "everything was read before the first kill");
  await eventually(async () => await rowsAtHub(hub, integration) === times.length);
  const text = await (await hub.request("GET", `/api/v1/integrations/${integration}/rows?format=csv`)).text();
  assertEquals(text.trim().split("\n").length - 1, times.length);
});

Deno.test("an integration that was moved to an installation with the wrong database has its rows again when it is moved back", async () => {
  await using hub = await TestHub.start();
  await using right = await Installation.make(hub.url);
  await using wrong = await Installation.make(hub.url);
  const times = minutes();
  writeSqlite(right.path("calls.db"), times);
  addRow(wrong.path("calls.db"), "wrong");
  const first = await linked(hub, right, { databaseType: "sqlite", file: "calls.db" });
  await using agent = first.agent;
  const { integration } = first;
  await eventually(async () => await rowsAtHub(hub, integration) === times.length);
  await using other = wrong.start();
  await hub.connect(integration, (await other.waitFor(/Enter your pin: (\d{6})/))[1] ?? "");
  // A day or more without any takes no rows away, hours do.
  await eventually(async () => {
    const rows = await idsAtHub(hub, integration);
    return rows.length < times.length && rows.includes("wrong");
  });
  await hub.connect(integration, (await agent.waitFor(/has ended[^]*Enter your pin: (\d{6})/))[1] ?? "");
  await eventually(async () => {
    const rows = await idsAtHub(hub, integration);
    return rows.length === times.length && !rows.includes("wrong");
  });
  assertMatch(agent.printed, /Another installation was linked to this integration in between/);
});

Deno.test("with the connection kept by the installation, the hub can neither choose another nor change the query", async () => {
  await using hub = await TestHub.start();
  const elsewhere = await Deno.makeTempDir();
  try {
    const file = join(elsewhere, "kept.db");
    const times = minutes();
    writeSqlite(file, times);
    await using installation = await Installation.make(hub.url, {
      toml: `[database]\nfile = "${file}"\nallowQueryChanges = false`,
    });
    const { agent, integration } = await linked(hub, installation, { databaseType: "sqlite", kept: true });
    await using _agent = agent;
    await eventually(async () => await rowsAtHub(hub, integration) === times.length);
    await hub.ask("PATCH", `/api/v1/integrations/${integration}`, {
      settings: { query: query.replace("Störung", "Anders") },
    });
    const [, fingerprint = ""] = await agent.waitFor(/query --accept ([0-9a-f]{16})/);
    const { code, printed } = await installation.command("query", "--accept", fingerprint);
    assertEquals([code, printed.trim()], [0, `The query ${fingerprint} is accepted.`]);
    await agent.waitFor(/The query has changed: the history is read again/);
    // A file where the hub may name any, unless the connection is kept.
    addRow(installation.path("decoy.db"), "decoy");
    await hub.ask("PATCH", `/api/v1/integrations/${integration}`, { settings: { kept: false, file: "decoy.db" } });
    assertEquals((await answerOf(hub, { integration })).ok, true);
    addRow(file, "fresh");
    await eventually(async () => {
      await answerOf(hub, { integration, type: "import-now" });
      return await rowsAtHub(hub, integration) === times.length + 1;
    });
    const text = await (await hub.request("GET", `/api/v1/integrations/${integration}/rows?format=csv`)).text();
    assertEquals([text.includes("fresh"), text.includes("decoy")], [true, false]);
  } finally {
    await Deno.remove(elsewhere, { recursive: true });
  }
});
