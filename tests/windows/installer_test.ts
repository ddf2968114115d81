/** The MSI on Wine: installed, upgraded, three instances side by side, each removed. */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { eventually } from "../eventually.ts";
import { buildMsi } from "../../installer/build.ts";
import { isStorage, readCompoundFile } from "../../installer/compound_file.ts";
import { Database, streamName, StringPool } from "../../installer/msi_tables.ts";
import { compileExecutable, onDriveZ, WindowsBox } from "./box.ts";

const first = { service: "com.injixo.cloud-link", folder: "Program Files\\injixo Cloud Link" };
const one = { service: `${first.service}.instance.1`, folder: `${first.folder} (Instance 1)` };
/** With a folder of its own, whose name Windows keeps in UTF-16. */
const two = { service: `${first.service}.instance.2`, folder: "Program Files\\Störung Link" };
type Installation = typeof first;

async function names(box: WindowsBox, folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(box.onDriveC(folder)));
  return entries.map(({ name }) => name).sort();
}

async function isRunning(box: WindowsBox, service: string): Promise<boolean> {
  return /STATE +: 4 +RUNNING/.test((await box.wine("sc", "query", service)).printed);
}

async function runningPrograms(box: WindowsBox): Promise<number> {
  return (await box.must("tasklist")).split("\n").filter((line) => line.startsWith("injixo-cloud-link.exe")).length;
}

async function products(box: WindowsBox): Promise<string[]> {
  const key = "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall";
  const { printed } = await box.wine("reg", "query", key, "/s");
  const values = (name: string) =>
    [...printed.matchAll(new RegExp(`${name} +REG_SZ +(.*)`, "g"))].map(([, value]) => value);
  const versions = values("DisplayVersion");
  return values("DisplayName").map((name, index) => `${name} ${versions[index]}`).sort();
}

/** The folders of the Start menu, with the shortcuts in each. Wine has one for its only user, not one for all. */
async function startMenu(box: WindowsBox): Promise<string[]> {
  const folders = (await names(box, menu)).filter((name) => name.startsWith("injixo"));
  return await Promise.all(folders.map(async (folder) => `${folder}: ${await names(box, `${menu}\\${folder}`)}`));
}

const menu = "users\\root\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs";
const shortcuts = "Check.lnk,Installation folder.lnk,PIN.lnk";

const kept = ["injixo-cloud-link.log", "injixo-cloud-link.toml", "state"];

Deno.test("the MSI installs, upgrades and removes the service and two more instances beside it", async (t) => {
  const step = async (name: string, act: () => Promise<void>) => {
    if (!await t.step(name, act)) throw new Error(`Cannot go on after "${name}"`);
  };
  await using box = await WindowsBox.open();
  const executable = join(box.work, "program.exe");
  const [msi, newer] = [join(box.work, "injixo-cloud-link.msi"), join(box.work, "newer.msi")];
  await compileExecutable(executable);
  await buildMsi({ version: "0.1.0", executable, output: msi });
  await buildMsi({ version: "0.2.0", executable, output: newer });
  await step("the newer MSI's instances look for older versions of themselves alone", async () => {
    // Wine does not keep an instance's transform, so that it cannot remove the older version of one.
    const storage = readCompoundFile(await Deno.readFile(newer));
    const instance = storage.entries.get("instance.1");
    assert(isStorage(instance));
    const { pool } = new Database(storage);
    const own = StringPool.read(instance);
    const texts = Array.from({ length: 100 }, (_, number) => own.text(number));
    assert(texts.includes("{1E3F9A2C-5B84-4D17-9C60-7A1D52E8B301}") && !pool.isLong);
    const upgrade = instance.entries.get(streamName("Upgrade"));
    assert(upgrade !== undefined && !isStorage(upgrade));
    // Three rows go (what happens and the five keys), three come (what happens and all seven columns).
    assertEquals(upgrade.length, 3 * (2 + 12) + 3 * (2 + 16));
  });
  const msiexec = (...args: readonly string[]) => box.must("msiexec", ...args, "/qn");
  const installInto = async (folder: string, ...args: readonly string[]) => {
    // By a batch file: what Wine makes of an argument with spaces, its msiexec does not take.
    const batch = join(box.work, "install.bat");
    await Deno.writeTextFile(batch, 'msiexec %* /qn INSTALLFOLDER="%FOLDER%"\r\n');
    const command = ["wine", "cmd", "/c", onDriveZ(batch), "/i", onDriveZ(msi), ...args];
    const { code, printed } = await box.linux("env", `FOLDER=C:\\${folder}`, ...command);
    assertEquals(code, 0, printed);
  };

  await step("a Windows older than 10 is refused", async () => {
    const key = "HKLM\\Software\\Microsoft\\Windows NT\\CurrentVersion";
    const [name, type] = ["CurrentMajorVersionNumber", "REG_DWORD"];
    await box.must("reg", "delete", key, "/v", name, "/f");
    assert((await box.wine("msiexec", "/i", onDriveZ(msi), "/qn")).code !== 0);
    assertEquals(await products(box), []);
    await box.must("reg", "add", key, "/v", name, "/t", type, "/d", "10", "/f");
  });

  await step(
    "the first installation runs as the service injixo Cloud Link, with a source of the event log",
    async () => {
      await msiexec("/i", onDriveZ(msi));
      await eventually(() => isRunning(box, first.service));
      const own = ["injixo-cloud-link.exe", ...kept, "licenses"].sort();
      assertEquals(await names(box, first.folder), own);
      assert((await names(box, `${first.folder}\\licenses`)).length > 5);
      const service = await box.must("reg", "query", `HKLM\\SYSTEM\\CurrentControlSet\\Services\\${first.service}`);
      assertMatch(service, /DisplayName +REG_SZ +injixo Cloud Link\n/);
      assertMatch(service, /Start +REG_DWORD +0x2/);
      const events = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application";
      assertMatch(await box.must("reg", "query", `${events}\\${first.service}`), /EventCreate\.exe/);
      assertEquals(await products(box), ["injixo Cloud Link 0.1.0"]);
      assertEquals(await startMenu(box), [`injixo Cloud Link: ${shortcuts}`]);
    },
  );

  await step("further instances have services, folders and names of their own", async () => {
    // Wine installs no feature of a second instance unless it is told to.
    const instance = (id: number) => ["MSINEWINSTANCE=1", `TRANSFORMS=:instance.${id}`, "ADDLOCAL=ALL"];
    await msiexec("/i", onDriveZ(msi), ...instance(1));
    await installInto(two.folder, ...instance(2));
    for (const { service } of [first, one, two]) await eventually(() => isRunning(box, service));
    assert((await names(box, one.folder)).includes("injixo-cloud-link.exe"));
    assert((await names(box, two.folder)).includes("injixo-cloud-link.exe"));
    assertEquals(await products(box), [
      "injixo Cloud Link (Instance 1) 0.1.0",
      "injixo Cloud Link (Instance 2) 0.1.0",
      "injixo Cloud Link 0.1.0",
    ]);
    assertEquals(await startMenu(box), [
      `injixo Cloud Link: ${shortcuts}`,
      `injixo Cloud Link (Instance 1): ${shortcuts}`,
      `injixo Cloud Link (Instance 2): ${shortcuts}`,
    ]);
    const status = await box.must(`C:\\${one.folder}\\injixo-cloud-link.exe`, "service", "status");
    assertMatch(status, /injixo Cloud Link \(Instance 1\) \(com\.injixo\.cloud-link\.instance\.1\)/);
  });

  await step("a folder with a space and an umlaut stands in quotes, for the service and in the shortcuts", async () => {
    const program = `C:\\${two.folder}\\injixo-cloud-link.exe`;
    const service = await box.must("reg", "query", `HKLM\\SYSTEM\\CurrentControlSet\\Services\\${two.service}`);
    // reg prints umlauts in a code page.
    assertMatch(
      service,
      / "C:\\Program Files\\St.rung Link\\injixo-cloud-link\.exe" run --service com\.injixo\.[.a-z-]+2\n/,
    );
    const link = `${menu}\\injixo Cloud Link (Instance 2)\\PIN.lnk`;
    const shortcut = Buffer.from(await Deno.readFile(box.onDriveC(link)));
    assert(shortcut.includes(Buffer.from(`/k ""${program}" pin"`, "utf16le")), "the shortcut has no such arguments");
    assertMatch(await box.must(program, "service", "status"), /\nFolder +C:\\Program Files\\Störung Link\n/);
  });

  await step("an upgrade replaces the program and keeps configuration, state and log", async () => {
    const toml = box.onDriveC(`${first.folder}\\injixo-cloud-link.toml`);
    const changed = (await Deno.readTextFile(toml)).replace("verbose = false", "verbose = true");
    await Deno.writeTextFile(toml, changed);
    await msiexec("/i", onDriveZ(newer));
    await eventually(() => isRunning(box, first.service));
    assertEquals(await Deno.readTextFile(toml), changed);
    const files = await names(box, first.folder);
    assert(kept.every((name) => files.includes(name)), files.join());
    assert(files.some((name) => /^injixo-cloud-link\.\d{4}-\d\d-\d\d\.log$/.test(name)), "the old log is gone");
    assertEquals((await products(box)).filter((name) => name.startsWith("injixo Cloud Link 0")), [
      "injixo Cloud Link 0.2.0",
    ]);
    for (const { service } of [one, two]) assert(await isRunning(box, service), `${service} after the upgrade`);
  });

  await step("each is removed alone; configuration, state and log stay", async () => {
    const gone = async (installation: Installation) => {
      assertEquals((await box.wine("sc", "query", installation.service)).code === 0, false);
      const left = await names(box, installation.folder);
      assertEquals(left.filter((name) => !/^injixo-cloud-link\.\d{4}-\d\d-\d\d\.log$/.test(name)), kept);
    };
    // Wine removes files without waiting for the end of the program that they belong to.
    const stop = async ({ service }: Installation) => {
      const programs = await runningPrograms(box);
      await box.must("sc", "stop", service);
      await eventually(async () => await runningPrograms(box) === programs - 1);
    };
    await stop(one);
    await msiexec("/x", onDriveZ(msi), "TRANSFORMS=:instance.1");
    await gone(one);
    assertEquals(await startMenu(box), [
      `injixo Cloud Link: ${shortcuts}`,
      `injixo Cloud Link (Instance 2): ${shortcuts}`,
    ]);
    assert(await isRunning(box, first.service) && await isRunning(box, two.service));
    await stop(first);
    await msiexec("/x", onDriveZ(newer));
    await gone(first);
    assert(await isRunning(box, two.service));
    await stop(two);
    await msiexec("/x", onDriveZ(msi), "TRANSFORMS=:instance.2");
    await gone(two);
    assertEquals([await products(box), await startMenu(box)], [[], []]);
  });
});
