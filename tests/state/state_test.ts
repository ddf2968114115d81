import { join } from "node:path";
import { realFileSystem as fs } from "../../src/durable/real_file_system.ts";
import { systemClock as clock } from "../../src/runtime/clock.ts";
import { StateDamagedError } from "../../src/runtime/state_damaged.ts";
import { readIdentity, writeIdentity } from "../../src/state/identity.ts";
import { integrationKey } from "../../src/state/integration.ts";
import type { Owner } from "../../src/state/owner.ts";
import { openState, readState, type State } from "../../src/state/state.ts";
import { openStateDatabase } from "../../src/state/state_database.ts";
import { StateLockedError } from "../../src/state/state_lock.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { captureLog } from "../fakes/captured_log.ts";

const owner: Owner = { appName: "com.injixo.cloud-link", folder: "/opt/one", machineId: "machine-1" };
const identity = { privateKey: { kty: "EC", d: "secret" }, registration: undefined };

async function withFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await act(join(root, "state"));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const open = (folder: string, of: Owner = owner): Promise<State> => openState(folder, { owner: of, fs, clock });

/** A closed state with an identity, a spool and a control file in it. */
async function makeState(folder: string, of: Owner = owner): Promise<void> {
  using state = await open(folder, of);
  writeIdentity(state.database, identity);
  await Deno.mkdir(join(folder, "spool"), { recursive: true });
  await Deno.writeTextFile(join(folder, "spool", "x.batch"), "batch");
  await Deno.writeTextFile(join(folder, "control"), "");
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).toSorted();
}

/** What lies in the only set-aside folder. */
async function setAside(folder: string): Promise<string[]> {
  const [only, ...more] = await names(join(folder, "set-aside"));
  assertEquals(more, []);
  return await names(join(folder, "set-aside", only ?? ""));
}

Deno.test("state is private to its user and there again at the next start", () =>
  withFolder(async (folder) => {
    await makeState(folder);
    using state = await open(folder);
    assertEquals(readIdentity(state.database), identity);
    if (Deno.build.os === "windows") return;
    assertEquals(((await Deno.stat(folder)).mode ?? 0) & 0o777, 0o700);
    for (const name of (await names(folder)).filter((name) => name.startsWith("state.db"))) {
      assertEquals(((await Deno.stat(join(folder, name))).mode ?? 0) & 0o777, 0o600, name);
    }
  }));

for (
  const [what, other] of [
    ["folder", { ...owner, folder: "/opt/two" }],
    ["name", { ...owner, appName: "com.injixo.cloud-link.instance.1" }],
    ["machine", { ...owner, machineId: "machine-2" }],
  ] as const
) {
  Deno.test(`state of another ${what} is set aside whole, and a fresh one begun`, () =>
    withFolder(async (folder) => {
      await makeState(folder);
      {
        using state = await open(folder, other);
        assertEquals(readIdentity(state.database), undefined);
        assertEquals(await setAside(folder), ["control", "spool", "state.db"]);
        writeIdentity(state.database, identity);
      }
      using again = await open(folder, other);
      assertEquals(readIdentity(again.database), identity);
    }));
}

Deno.test("state is kept where the machine has no id, and learns it later", () =>
  withFolder(async (folder) => {
    await makeState(folder, { ...owner, machineId: undefined });
    using(await open(folder), (state) => assertEquals(readIdentity(state.database), identity));
    using(await open(folder, { ...owner, machineId: undefined }), () => {});
    using state = await open(folder, { ...owner, machineId: "machine-2" });
    assertEquals(readIdentity(state.database), undefined);
  }));

function using<T extends Disposable>(one: T, act: (one: T) => void): void {
  using held = one;
  act(held);
}

Deno.test("state that is half moved aside by a killed start is moved the rest of the way by the next", () =>
  withFolder(async (folder) => {
    await makeState(folder);
    // As after a kill between the moves: the database, which tells of the other owner, is still there.
    await Deno.remove(join(folder, "spool"), { recursive: true });
    using state = await open(folder, { ...owner, folder: "/opt/two" });
    assertEquals(readIdentity(state.database), undefined);
    assertEquals(await setAside(folder), ["control", "state.db"]);
  }));

for (const damage of ["text", "middle"] as const) {
  Deno.test(`state database that is damaged (${damage}) is set aside, and the spool stays`, () =>
    withFolder(async (folder) => {
      await makeState(folder);
      const path = join(folder, "state.db");
      const bytes = await Deno.readFile(path);
      if (damage === "text") bytes.fill(120);
      else bytes.fill(255, 4096, 20_000);
      await Deno.writeFile(path, bytes);
      using state = await open(folder);
      assertEquals(readIdentity(state.database), undefined);
      assert((await setAside(folder)).includes("state.db"));
      assertEquals(await names(join(folder, "spool")), ["x.batch"]);
    }));
}

Deno.test("state database that is found damaged in the middle of the work says so, so that the next start sets it aside", () =>
  withFolder(async (folder) => {
    using state = await open(folder);
    const { database } = state;
    const key = integrationKey(database, { accountId: "a", integrationId: "i" });
    database.transaction(() => {
      for (let n = 0; n < 20_000; n++) {
        database.run("INSERT INTO csv_content VALUES (?, ?, 0)", key, crypto.randomUUID().repeat(4));
      }
    });
    database.forget();
    const path = `${state.folder}/state.db`;
    const { size } = await Deno.stat(path);
    using file = await Deno.open(path, { write: true });
    await file.seek(4096, Deno.SeekMode.Start);
    await file.write(new Uint8Array(size - 4096).fill(0x55));
    const error = await assertRejects(() => Promise.try(() => database.all("SELECT * FROM csv_content")));
    assert(error instanceof StateDamagedError, String(error));
  }));

Deno.test("state database that is gone is told once, and a fresh one begun", () =>
  withFolder(async (folder) => {
    using log = await captureLog();
    await makeState(folder);
    assertEquals(log.lines(), []);
    await Deno.remove(join(folder, "state.db"));
    for (let start = 0; start < 2; start++) {
      using state = await open(folder);
      assertEquals(readIdentity(state.database), undefined);
    }
    assertEquals(log.lines().length, 1);
    assertMatch(log.lines()[0] ?? "", /^error The state is gone: state\.db is no longer in/);
  }));

Deno.test("state of a newer version is refused and left alone", () =>
  withFolder(async (folder) => {
    await makeState(folder);
    const database = openStateDatabase(join(folder, "state.db"));
    database.run("PRAGMA user_version = 99");
    database[Symbol.dispose]();
    await assertRejects(() => open(folder), /newer version .*schema 99.*Install the newer version/);
    assertEquals(await names(folder), ["agent.lock", "control", "spool", "state.db"]);
  }));

Deno.test("state serves one agent at a time", () =>
  withFolder(async (folder) => {
    {
      using _ = await open(folder);
      const error = await assertRejects(() => open(folder), /another agent is using it/);
      assert(error instanceof StateLockedError);
    }
    using _ = await open(folder);
  }));

Deno.test("state lock falls with its process, kill -9 included, and the next run says so once", () =>
  withFolder(async (folder) => {
    using log = await captureLog();
    (await open(folder))[Symbol.dispose]();
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", new URL("lock_child.ts", import.meta.url).pathname, folder],
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    await assertRejects(() => open(folder), /another agent/);
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    assertEquals(log.lines(), []);
    (await open(folder))[Symbol.dispose]();
    using _ = await open(folder);
    assertEquals(log.lines().length, 1);
    assertMatch(log.lines()[0] ?? "", /^warning The previous run was not shut down/);
  }));

Deno.test("state that another process keeps locked is refused with what to do", () =>
  withFolder(async (folder) => {
    await makeState(folder);
    const path = join(folder, "state.db");
    const blocker = openStateDatabase(path);
    // A new version's migration would wait for this lock, a fresh start for the journal's mode.
    blocker.run("PRAGMA locking_mode = EXCLUSIVE");
    blocker.transaction(() => blocker.run("PRAGMA user_version = 0"));
    try {
      await assertRejects(() => open(folder), /keeps it locked\. Close the program/);
    } finally {
      blocker[Symbol.dispose]();
    }
  }));

Deno.test("a state for which the disk has no room is named, with what to do", () =>
  withFolder(async (folder) => {
    const full = { ...fs, syncFolder: () => Promise.reject(new Error("No space left on device (os error 28)")) };
    await assertRejects(
      () => openState(folder, { owner, fs: full, clock }),
      /^Cannot open the state ".*state": the disk is full\. Make room on it, then start again$/,
    );
    (await open(folder))[Symbol.dispose]();
  }));

Deno.test("state can be read while no agent runs, and while one does", () =>
  withFolder(async (folder) => {
    assertEquals(await readState(folder), undefined);
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "state.db"), "");
    assertEquals(await readState(folder), undefined);
    await makeState(folder);
    const read = await readState(folder);
    assert(read);
    assertEquals(readIdentity(read), identity);
    await assertRejects(() => writeIdentity(read, identity), /readonly/);
    read[Symbol.dispose]();
    using _ = await open(folder);
    using beside = await readState(folder);
    assert(beside);
    assertEquals(readIdentity(beside), identity);
  }));
