import { encodeFooter, readFooter } from "../../src/spool/batch_file.ts";
import type { FileSystem } from "../../src/durable/file_system.ts";
import { realFileSystem } from "../../src/durable/real_file_system.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { contents, csvOrigin, makeLink, nextId, openFixture, put } from "./spool_fixture.ts";

const link = makeLink("integration-1", "link-1");

/** The folder `spool` is a file system of its own. */
const spoolMounted: FileSystem = {
  ...realFileSystem,
  rename(from, to) {
    const crosses = from.includes("/spool/") !== to.includes("/spool/");
    const error = Object.assign(new Error("Invalid cross-device link (os error 18)"), { code: "EXDEV" });
    return crosses ? Promise.reject(error) : realFileSystem.rename(from, to);
  },
};

/** A closed spool with these contents waiting. */
async function withSpool(waiting: string[], act: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    {
      await using fixture = await openFixture(root, { link });
      for (const content of waiting) await put(fixture.spool, content, { origin: csvOrigin(`${content}.csv`) });
    }
    await act(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).toSorted();
}

async function setAside(root: string): Promise<string[]> {
  const folders = await names(`${root}/set-aside`);
  return (await Promise.all(folders.map((folder) => names(`${root}/set-aside/${folder}`)))).flat();
}

async function batches(root: string): Promise<string[]> {
  return (await names(`${root}/spool`)).filter((name) => name !== "incoming");
}

Deno.test("spool removes what was being written", () =>
  withSpool([], async (root) => {
    await Deno.writeTextFile(`${root}/spool/incoming/1.tmp`, "half");
    await using _ = await openFixture(root, { link });
    assertEquals(await names(`${root}/spool/incoming`), []);
  }));

Deno.test("spool takes whole batches in when the database was lost, for the integration they are of", () =>
  withSpool(["a", "b"], async (root) => {
    for (const name of ["state.db", "state.db-wal", "state.db-shm"]) {
      await Deno.remove(`${root}/${name}`).catch(() => {});
    }
    await using fixture = await openFixture(root, { link: makeLink("integration-2") });
    assertEquals(await contents(fixture.spool), []);
    fixture.spool.use(link);
    assertEquals(await contents(fixture.spool), ["a", "b"]);
    assertEquals(await put(fixture.spool, "a"), "known");
    const before = fixture.spool.next({ except: new Set(), limit: 1 })[0]?.declaration.sequence ?? Infinity;
    await put(fixture.spool, "c");
    const last = fixture.database.get<{ sequence: number }>("SELECT max(sequence) AS sequence FROM batch");
    assert((last?.sequence ?? 0) > before);
  }));

Deno.test("spool sets foreign and damaged files aside and goes on", () =>
  withSpool(["a", "b", "c"], async (root) => {
    const [first = "", second = "", third = ""] = await batches(root);
    await Deno.writeTextFile(`${root}/spool/notes.txt`, "not ours");
    await Deno.mkdir(`${root}/spool/lost+found`);
    await Deno.copyFile(`${root}/spool/${first}`, `${root}/spool/live-0000000000000007-${"a".repeat(64)}.batch`);
    await Deno.truncate(`${root}/spool/${second}`, 20);
    await using fixture = await openFixture(root, { link });
    assertEquals(await contents(fixture.spool), ["a", "c"]);
    assertEquals(fixture.lost.map(({ batch, reread }) => [batch.origin, reread]), [[csvOrigin("b.csv"), true]]);
    assertEquals(
      (await setAside(root)).toSorted(),
      ["notes.txt", second, `live-0000000000000007-${"a".repeat(64)}.batch`].toSorted(),
    );
    assertEquals(await batches(root), [first, third, "lost+found"].toSorted());
    assertEquals(await put(fixture.spool, "b"), "admitted");
  }));

Deno.test("spool on a file system of its own sets aside what it finds at its start and what is damaged later", () =>
  withSpool(["a"], async (root) => {
    const [batch = ""] = await batches(root);
    const long = new Uint8Array(2 * 1024 * 1024 + 1).map((_, index) => index / 1000);
    await Deno.writeFile(`${root}/spool/long.bin`, long);
    await Deno.writeTextFile(`${root}/spool/empty.txt`, "");
    const contentsAside = async (name: string) => {
      const folders = await names(`${root}/set-aside`);
      const read = folders.map((folder) => Deno.readFile(`${root}/set-aside/${folder}/${name}`).catch(() => undefined));
      return (await Promise.all(read)).find((bytes) => bytes !== undefined);
    };
    await using fixture = await openFixture(root, { link, fs: spoolMounted });
    assertEquals(await contentsAside("long.bin"), long);
    assertEquals((await contentsAside("empty.txt"))?.length, 0);
    const whole = await Deno.readFile(`${root}/spool/${batch}`);
    await fixture.spool.setAside(nextId(fixture.spool), "The hub refuses it.");
    assertEquals(await contentsAside(batch), whole);
    assertEquals(await batches(root), []);
  }));

Deno.test("spool whose copy to another file system fails keeps the original, and sets it aside at the next start", () =>
  withSpool([], async (root) => {
    await Deno.writeTextFile(`${root}/spool/notes.txt`, "not ours");
    const full: FileSystem = { ...spoolMounted, create: () => Promise.reject(new Error("disk full")) };
    await assertRejects(() => openFixture(root, { link, fs: full }), /disk full/);
    assertEquals(await batches(root), ["notes.txt"]);
    await using _ = await openFixture(root, { link, fs: spoolMounted });
    assertEquals(await setAside(root), ["notes.txt"]);
  }));

for (const part of ["payload", "checksum"]) {
  Deno.test(`spool does not take in a file without row whose ${part} is damaged`, () =>
    withSpool(["a"], async (root) => {
      const [name = ""] = await batches(root);
      const bytes = await Deno.readFile(`${root}/spool/${name}`);
      const footer = await readFooter(`${root}/spool/${name}`, { fs: realFileSystem, bytes: bytes.length });
      const at = part === "payload" ? 3 : footer?.batch.payloadBytes ?? NaN;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await Deno.writeFile(`${root}/spool/${name}`, bytes);
      for (const file of ["state.db", "state.db-wal", "state.db-shm"]) {
        await Deno.remove(`${root}/${file}`).catch(() => {});
      }
      await using fixture = await openFixture(root, { link });
      assertEquals(await contents(fixture.spool), []);
      assertEquals(await setAside(root), [name]);
    }));
}

Deno.test("spool does not believe a footer that is no declaration", () =>
  withSpool([], async (root) => {
    const name = `live-0000000000000007-${"a".repeat(64)}.batch`;
    const footer = { accountId: "a", integrationId: "b", batch: { id: "not an id" } };
    await Deno.writeFile(
      `${root}/spool/${name}`,
      encodeFooter(footer as unknown as Parameters<typeof encodeFooter>[0]),
    );
    await using fixture = await openFixture(root, { link });
    assertEquals(await setAside(root), [name]);
    assertEquals(await contents(fixture.spool), []);
  }));

Deno.test("spool has the source of a vanished batch read again", () =>
  withSpool(["a", "b"], async (root) => {
    const [first = ""] = await batches(root);
    await Deno.remove(`${root}/spool/${first}`);
    await using fixture = await openFixture(root, { link });
    assertEquals(await contents(fixture.spool), ["b"]);
    assertEquals(fixture.lost.map(({ batch }) => batch.origin), [csvOrigin("a.csv")]);
  }));
