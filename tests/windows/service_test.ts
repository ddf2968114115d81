/** The life of a Windows service: installed, linked, at work, stopped, removed. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertMatch, assertPrompt } from "../assert.ts";
import { TestHub } from "../e2e/hub.ts";
import { eventually } from "../eventually.ts";
import { compileExecutable, compileProgram, onDriveZ, WindowsBox } from "./box.ts";

/** A folder with a space and an umlaut, whose name Windows keeps in UTF-16. */
const folder = "C:\\Program Files\\injixo Größe";
const program = `${folder}\\injixo-cloud-link.exe`;
const name = "com.injixo.cloud-link";

async function install(box: WindowsBox, hubUrl: string): Promise<void> {
  await Deno.mkdir(box.onDriveC("Program Files\\injixo Größe"), { recursive: true });
  await Deno.mkdir(box.onDriveC("exports\\Größe"), { recursive: true });
  await compileExecutable(box.onDriveC("Program Files\\injixo Größe\\injixo-cloud-link.exe"));
  const lines = [
    "[app]",
    'importDirectory = "C:\\\\exports\\\\Größe"',
    "[hub]",
    `url = "${hubUrl}"`,
    "[csv]",
    "settleSeconds = 0.5",
    "pollSeconds = 1",
    "",
  ];
  await Deno.writeTextFile(
    box.onDriveC("Program Files\\injixo Größe\\injixo-cloud-link.toml"),
    lines.join("\r\n"),
  );
  assertMatch(await box.must(program, "service", "install"), /Installed the service "injixo Cloud Link"/);
}

async function log(box: WindowsBox): Promise<string> {
  return await Deno.readTextFile(box.onDriveC("Program Files\\injixo Größe\\injixo-cloud-link.log"));
}

Deno.test("a Windows service is installed, linked by its PIN, delivers files and rows, and is removed", async (t) => {
  // A step begins where the one before has ended.
  const step = async (name: string, act: () => Promise<void>) => {
    if (!await t.step(name, act)) throw new Error(`Cannot go on after "${name}"`);
  };
  await using hub = await TestHub.start();
  await using box = await WindowsBox.open();
  await install(box, hub.url);

  await step("installing again changes the service, starting reports when it works", async () => {
    assertMatch(await box.must(program, "service", "install"), /Updated the service/);
    await box.must(program, "service", "start");
    assertMatch(await box.must("sc", "query", name), /STATE +: 4 +RUNNING/);
    assertMatch(await box.must(program, "service", "status"), /injixo Cloud Link \(com\.injixo\.cloud-link\)/);
  });

  const integration = await hub.addIntegration("Größe");
  await step("it is linked by the PIN that the command shows", async () => {
    const shown = await box.must(program, "pin", "--no-wait");
    assertMatch(shown, /\*\* Before you are able to run the client,\n/);
    await hub.connect(integration, /Enter your pin: (\d{6})/.exec(shown)?.[1] ?? "");
    await eventually(async () => (await log(box)).includes("Linked to the integration"));
  });

  await step("a file with an umlaut arrives byte for byte", async () => {
    const imports = box.onDriveC("exports\\Größe");
    const content = new TextEncoder().encode("Warteschlange;Größe\r\nStörung;1\r\n");
    await Deno.writeFile(join(imports, "Störung.csv"), content);
    const [arrived] = await hub.waitForImports(integration, 1);
    assertEquals(arrived?.fileName, "Störung.csv");
    assertEquals(await hub.content(arrived?.id ?? ""), content);
  });

  await step(
    "a file that its writer keeps for itself waits, is named in the log, and arrives when it is closed",
    async () => {
      const holder = join(box.work, "hold_file.exe");
      await compileProgram("tests/windows/hold_file.ts", holder);
      const letGo = join(box.work, "let-go");
      const held = [onDriveZ(holder), "C:\\exports\\Größe\\offen.csv", "a;b\r\n1;2\r\n", onDriveZ(letGo)] as const;
      const holding = box.must(...held);
      await eventually(async () => /Cannot import .*offen\.csv.*another program has locked it/.test(await log(box)));
      assertEquals((await hub.imports(integration)).length, 1);
      await Deno.writeTextFile(letGo, "");
      await holding;
      const all = await hub.waitForImports(integration, 2);
      assert(all.some(({ fileName, size }) => fileName === "offen.csv" && size === 10));
    },
  );

  await step("it stops at once, durable, and the next start knows what was imported", async () => {
    await box.must("sc", "stop", name);
    const toldMs = performance.now();
    await eventually(async () => (await log(box)).trimEnd().endsWith("injixo Cloud Link stops."));
    assertPrompt(performance.now() - toldMs);
    await eventually(async () => /STATE +: 1 +STOPPED/.test((await box.wine("sc", "query", name)).printed));
    assertMatch(await box.must("sc", "query", name), /WIN32_EXIT_CODE +: 0 /);
    await box.must(program, "service", "start");
    await Deno.writeTextFile(join(box.onDriveC("exports\\Größe"), "drei.csv"), "a\r\n3\r\n");
    assertEquals((await hub.waitForImports(integration, 3)).length, 3);
  });

  await step("an import folder on a share is fine by check, and its files arrive", async () => {
    await using share = await box.share("fileserver", "Exporte Größe");
    await Deno.writeTextFile(join(share.folder, "Übersicht.csv"), "a\r\n4\r\n");
    const toml = box.onDriveC("Program Files\\injixo Größe\\injixo-cloud-link.toml");
    const before = await Deno.readTextFile(toml);
    const configured = before.replace(
      /^importDirectory = .*/m,
      String.raw`importDirectory = "\\\\fileserver\\Exporte Größe"`,
    );
    await Deno.writeTextFile(toml, configured);
    await box.must(program, "service", "restart");
    assertMatch((await box.wine(program, "check")).printed, /^ok +Import folder +"\\\\fileserver\\Exporte Größe/m);
    const all = await hub.waitForImports(integration, 4);
    assert(all.some(({ fileName }) => fileName === "Übersicht.csv"), JSON.stringify(all));
    await Deno.writeTextFile(join(share.folder, "fünf.csv"), "a\r\n5\r\n");
    assertEquals((await hub.waitForImports(integration, 5)).length, 5);
    await Deno.writeTextFile(toml, before);
  });

  await step("rows of a database arrive through odbc32.dll", async () => {
    const { database, count } = writeDatabase(box.work);
    // The hub may not name a file of the computer: the connection is the installation's own.
    const toml = box.onDriveC("Program Files\\injixo Größe\\injixo-cloud-link.toml");
    const connection = `[database]\r\nconnectionString = 'DRIVER={SQLite3};Database=${database};'\r\n`;
    await Deno.writeTextFile(toml, `${await Deno.readTextFile(toml)}\r\n${connection}`);
    await box.must(program, "service", "restart");
    const { id } = await hub.ask("POST", "/api/v1/integrations", {
      name: "Datenbank",
      type: "database",
      settings: {
        databaseType: "odbc",
        kept: true,
        dataType: "contact",
        timeZone: "Europe/Berlin",
        query: "SELECT q AS queueidentifier, 'Störung' AS queuename, t AS timestamp, 1 AS answered FROM calls",
        everyMinutes: 15,
        history: Temporal.Now.plainDateISO().subtract({ days: 3 }).toString(),
      },
    });
    const shown = await box.must(program, "pin", "--no-wait");
    await hub.connect(id, /Enter your pin: (\d{6})/.exec(shown)?.[1] ?? "");
    await eventually(async () => (await hub.ask("GET", `/api/v1/integrations/${id}/windows`)).rows === count);
    const text = await (await hub.request("GET", `/api/v1/integrations/${id}/rows?format=csv`)).text();
    assertMatch(text, /Störung/);
  });

  await step("the proxy comes from the registry, and a refused connection has Windows' number and name", async () => {
    const key = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment";
    const toml = box.onDriveC("Program Files\\injixo Größe\\injixo-cloud-link.toml");
    const before = await Deno.readTextFile(toml);
    await Deno.writeTextFile(toml, before.replace(hub.url, "https://hub.example"));
    await box.must("reg", "add", key, "/v", "https_proxy", "/d", "http://ann:secret@127.0.0.1:9");
    await box.must(program, "service", "restart");
    const { code, printed } = await box.wine(program, "check");
    assertEquals(code, 1);
    assertMatch(printed, /Proxy +http:\/\/127\.0\.0\.1:9 \(from https_proxy in the system variables\)/);
    assertMatch(printed, /connection refused \(WSAECONNREFUSED, os error 10061\)/);
    assert(!printed.includes("secret"));
    await box.must("reg", "delete", key, "/v", "https_proxy", "/f");
    await Deno.writeTextFile(toml, before);
  });

  await step("a failed start is told with its reason, to the manager and to the caller", async () => {
    const toml = box.onDriveC("Program Files\\injixo Größe\\injixo-cloud-link.toml");
    const before = await Deno.readTextFile(toml);
    await box.must(program, "service", "stop");
    await Deno.writeTextFile(toml, "[hub]\r\nurl = 7\r\n");
    await box.wine("sc", "start", name);
    await eventually(async () => /SERVICE_EXIT_CODE +: [13] /.test((await box.wine("sc", "query", name)).printed));
    await Deno.writeTextFile(toml, before);
    assertMatch((await box.wine(program, "service", "status")).printed, /failed with exit code/);
  });

  await step("removing takes the service and leaves the files", async () => {
    assertMatch(await box.must(program, "service", "uninstall"), /are kept/);
    assertEquals((await box.wine(program, "service", "status")).code, 4);
    const left = await Array.fromAsync(Deno.readDir(box.onDriveC("Program Files\\injixo Größe")));
    const names = left.map((entry) => entry.name);
    assert(["injixo-cloud-link.toml", "injixo-cloud-link.log", "state"].every((kept) => names.includes(kept)));
  });
});

function writeDatabase(work: string): { database: string; count: number } {
  const database = join(work, "calls.db");
  using connection = new DatabaseSync(database);
  connection.exec("CREATE TABLE calls (q TEXT, t TEXT)");
  const insert = connection.prepare("INSERT INTO calls VALUES (?, ?)");
  const start = Temporal.Now.zonedDateTimeISO("Europe/Berlin").startOfDay().subtract({ days: 2 });
  const count = 24 * 60;
  for (let minute = 0; minute < count; minute++) {
    const time = start.add({ minutes: minute }).toPlainDateTime().toString({ smallestUnit: "second" });
    insert.run(`q${minute % 7}`, time.replace("T", " "));
  }
  return { database, count };
}
