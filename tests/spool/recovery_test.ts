import { encodeFooter } from "../../src/spool/batch_file.ts";
import { assert, assertEquals } from "../assert.ts";
import { contents, csvOrigin, makeLink, openFixture, put } from "./spool_fixture.ts";

const link = makeLink("integration-1", "link-1");

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
    await Deno.mkdir(`${root}/spool/folder`);
    await Deno.copyFile(`${root}/spool/${first}`, `${root}/spool/live-0000000000000007-${"a".repeat(64)}.batch`);
    await Deno.truncate(`${root}/spool/${second}`, 20);
    await using fixture = await openFixture(root, { link });
    assertEquals(await contents(fixture.spool), ["a", "c"]);
    assertEquals(fixture.lost.map(({ batch, reread }) => [batch.origin, reread]), [[csvOrigin("b.csv"), true]]);
    assertEquals(
      (await setAside(root)).toSorted(),
      ["folder", "notes.txt", second, `live-0000000000000007-${"a".repeat(64)}.batch`].toSorted(),
    );
    assertEquals(await batches(root), [first, third].toSorted());
    assertEquals(await put(fixture.spool, "b"), "admitted");
  }));

Deno.test("spool does not take in a file without row whose payload is damaged", () =>
  withSpool(["a"], async (root) => {
    const [name = ""] = await batches(root);
    const bytes = await Deno.readFile(`${root}/spool/${name}`);
    bytes[3] = (bytes[3] ?? 0) ^ 1;
    await Deno.writeFile(`${root}/spool/${name}`, bytes);
    for (const file of ["state.db", "state.db-wal", "state.db-shm"]) {
      await Deno.remove(`${root}/${file}`).catch(() => {});
    }
    await using fixture = await openFixture(root, { link });
    assertEquals(await contents(fixture.spool), []);
    assertEquals(await setAside(root), [name]);
  }));

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
