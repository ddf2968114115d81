/** Secrets at rest and in motion on the computer itself: modes of files, arguments and environments of processes. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { executable } from "../setup/executable.ts";
import { assert, assertEquals } from "../assert.ts";
import { eventually } from "../eventually.ts";
import { TestHub } from "./hub.ts";
import { Installation, Program } from "./installation.ts";

const secrets = {
  proxy: "pr0xy-s3cret",
  database: "db-s3cret-word",
  session: "s3cret-in-the-environment",
} as const;

/** Starts the executable with the most careless umask there is. */
const careless = {
  path: "/bin/sh",
  args: ["-c", 'umask 0 && exec "$0" "$@"', executable],
} as const;

/** Every file and folder below, with the rights of group and others. */
async function openToOthers(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    const mode = (await Deno.lstat(path)).mode ?? 0;
    if ((mode & 0o077) !== 0) found.push(`${path} ${(mode & 0o777).toString(8)}`);
    if (isDirectory) found.push(...await openToOthers(path));
  }
  return found;
}

/** A process with its descendants, as `/proc` shows them to whoever may look. */
async function processesBelow(pid: number): Promise<{ pid: number; arguments: string; environment: string }[]> {
  const parents = new Map<number, number>();
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => "");
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const isBelow = (candidate: number): boolean =>
    candidate === pid || (candidate > 1 && isBelow(parents.get(candidate) ?? 0));
  const read = (of: number, file: string) => Deno.readTextFile(`/proc/${of}/${file}`).catch(() => "");
  return await Promise.all(
    [...parents.keys()].filter(isBelow).map(async (of) => ({
      pid: of,
      arguments: await read(of, "cmdline"),
      environment: await read(of, "environ"),
    })),
  );
}

Deno.test("what agent and hub write is for their user alone, whatever the umask", async () => {
  const data = await Deno.makeTempDir({ prefix: "cloud-link-hub-" });
  // The administrator made the hub's folder, open to all; the hub takes it away in the end.
  await Deno.mkdir(join(data, "data"), { mode: 0o755 });
  await using hub = await TestHub.start({ command: careless, folder: data });
  await using installation = await Installation.make(hub.url, { toml: "[app]\nverbose = true" });
  const before = new Set(await openToOthers(installation.folder));
  await using agent = new Program(
    [...careless.args, "run", "--config", installation.configFile, "--log-format", "text"],
    { path: careless.path },
  );
  const { id } = await hub.ask("POST", "/api/v1/integrations", {
    name: "Datenbank",
    type: "database",
    settings: {
      databaseType: "postgresql",
      host: "127.0.0.1",
      port: 9,
      database: "x",
      user: "u",
      password: secrets.database,
      dataType: "contact",
      timeZone: "UTC",
      query: "SELECT 1 AS queueidentifier, 'q' AS queuename, t AS timestamp, 1 AS answered FROM calls",
    },
  });
  await hub.connect(id, (await agent.waitFor(/Enter your pin: (\d{6})/))[1] ?? "");
  await agent.waitFor(/Linked to the integration/);
  const csv = await hub.ask("POST", "/api/v1/integrations", { name: "CSV", type: "csv" });
  const pin = await installation.pin();
  await hub.connect(csv.id, pin);
  await installation.drop("calls.csv", "a;b\n1;2\n");
  await eventually(async () => (await hub.ask("GET", `/api/v1/integrations/${csv.id}/imports`)).items.length === 1);
  // Folders of the agent's own; the log is for whoever may read the folder, and has no secrets.
  const written = (await openToOthers(installation.folder)).filter((path) =>
    !before.has(path) && !/calls\.csv|injixo-cloud-link[^/]*\.log /.test(path)
  );
  assertEquals(written, []);
  assertEquals(await openToOthers(join(data, "data")), []);
  // The key for stored passwords, and the password nowhere in clear.
  const files = await Array.fromAsync(Deno.readDir(join(data, "data")));
  assert(files.some(({ name }) => /key/i.test(name)), files.map(({ name }) => name).join());
  assert(!(await installation.log()).includes(secrets.database));
  using database = new DatabaseSync(join(data, "data", "hub.db"), { readOnly: true });
  assert(!JSON.stringify(database.prepare("SELECT * FROM integration").all()).includes(secrets.database));
});

Deno.test("no process shows a secret in its arguments, and extractors get no secret in their environment", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using hub = await TestHub.start();
    const passwordFile = join(folder, "password");
    await Deno.writeTextFile(passwordFile, secrets.database, { mode: 0o600 });
    // A database that answers nothing: the extractor stays while it tries to connect.
    using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using installation = await Installation.make(hub.url, {
      toml: `[database]\nhost = "127.0.0.1"\nport = ${silent.addr.port}\ndatabase = "x"\nuser = "u"\n` +
        `passwordFile = "${passwordFile}"\n`,
    });
    await using agent = installation.start({
      env: {
        https_proxy: `http://user:${secrets.proxy}@127.0.0.1:9`,
        no_proxy: "127.0.0.1,localhost",
        API_TOKEN: secrets.session,
      },
    });
    const { id } = await hub.ask("POST", "/api/v1/integrations", {
      name: "Datenbank",
      type: "database",
      settings: {
        databaseType: "postgresql",
        kept: true,
        dataType: "contact",
        timeZone: "UTC",
        query: "SELECT 1 AS queueidentifier, 'q' AS queuename, t AS timestamp, 1 AS answered FROM calls",
      },
    });
    await hub.connect(id, (await agent.waitFor(/Enter your pin: (\d{6})/))[1] ?? "");
    // Someone connects: an extractor is at work.
    using _connection = await silent.accept();
    const processes = await processesBelow(agent.pid);
    const extractors = processes.filter(({ arguments: line }) => line.includes("extract"));
    assert(extractors.length > 0, "no extractor was seen");
    for (const secret of Object.values(secrets)) {
      for (const { arguments: line, environment, pid } of processes) {
        assert(!line.includes(secret), `the arguments of ${pid} show ${secret}`);
        if (pid !== agent.pid) assert(!environment.includes(secret), `the environment of ${pid} has ${secret}`);
      }
    }
    for (const { environment } of extractors) {
      assert(!/https_proxy|API_TOKEN/i.test(environment), environment);
      assert(environment.includes("LC_ALL=C.UTF-8"));
    }
    // Even the agent's own arguments name a file only.
    assert((await installation.log()).includes("127.0.0.1:9") && !(await installation.log()).includes(secrets.proxy));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
