/**
 * The spool against a simple model, under random actions, on a disk that crashes at every write point. After each crash:
 * every batch whose admission was confirmed is there, whole and once, or set aside; what the source recorded has its batch;
 * nothing is there that was not offered.
 */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { zstdDecompressSync } from "node:zlib";
import type { StoredBatch } from "../../src/agent/ports.ts";
import { seededRandom } from "../../src/runtime/seeded_random.ts";
import { csvLedger } from "../../src/state/csv_ledger.ts";
import { migrations } from "../../src/state/migrations.ts";
import { StateDatabase } from "../../src/state/state_database.ts";
import type { DiskSpool } from "../../src/spool/disk_spool.ts";
import { assert, assertEquals } from "../assert.ts";
import { CrashError, SimulatedDisk } from "../durable/simulated_disk.ts";
import { acknowledge, csvOrigin, type Fixture, makeLink, never, openFixture, put } from "./spool_fixture.ts";

interface Statement {
  readonly sql: string;
  readonly values: SQLInputValue[];
}

/**
 * SQLite keeps what it has committed, but for the relaxed transactions since the last full one: of those a crash keeps as
 * many as chance will have it, the first ones. A crash can come before and after a commit.
 */
class CrashingDatabase extends StateDatabase {
  readonly #disk: SimulatedDisk;
  readonly #isRelaxed: (sql: string) => boolean;
  /** What makes the durable state when it is executed again. */
  readonly #durable: Statement[];
  #relaxed: Statement[][] = [];
  readonly #levels: Statement[][] = [];
  /** Called when all that was committed has become durable. */
  onDurable: () => void = () => {};

  /** `isRelaxed`: transactions with such a statement are not flushed, whatever the spool asks for. */
  constructor(disk: SimulatedDisk, isRelaxed: (sql: string) => boolean, durable: readonly Statement[] = []) {
    const database = new DatabaseSync(":memory:");
    for (const migration of migrations) database.exec(migration);
    for (const { sql, values } of durable) database.prepare(sql).run(...values);
    super(database);
    this.#disk = disk;
    this.#isRelaxed = isRelaxed;
    this.#durable = [...durable];
  }

  override run(sql: string, ...values: SQLInputValue[]): number {
    const changes = super.run(sql, ...values);
    const level = this.#levels.at(-1);
    if (level === undefined) this.#commit([{ sql, values }], false);
    else level.push({ sql, values });
    return changes;
  }

  override transaction<T>(act: () => T, options: { relaxed?: boolean } = {}): T {
    if (this.#levels.length === 0) this.#disk.point();
    this.#levels.push([]);
    let done: Statement[] | undefined;
    try {
      const result = super.transaction(act, options);
      done = this.#levels.at(-1);
      return result;
    } finally {
      this.#levels.pop();
      const outer = this.#levels.at(-1);
      if (done && outer) outer.push(...done);
      else if (done) this.#commit(done, options.relaxed ?? false);
      if (outer === undefined) this.#disk.point();
    }
  }

  #commit(statements: Statement[], relaxed: boolean): void {
    this.#relaxed.push(statements);
    if (relaxed || statements.some(({ sql }) => this.#isRelaxed(sql))) return;
    this.#durable.push(...this.#relaxed.flat());
    this.#relaxed = [];
    this.onDurable();
  }

  /** The database as it is found after the crash. */
  restart(random: () => number): CrashingDatabase {
    const kept = random() < 0.5 ? [] : this.#relaxed.slice(0, Math.floor(random() * (this.#relaxed.length + 1)));
    return new CrashingDatabase(this.#disk, this.#isRelaxed, [...this.#durable, ...kept.flat()]);
  }
}

/** What must be in the spool. */
class Model {
  /** Confirmed and not acknowledged. */
  readonly waiting = new Set<string>();
  /** Offered, without an answer: may be there or not. */
  readonly undecided = new Set<string>();
  /** The hub has it: must not wait unless asked for again. */
  readonly delivered = new Set<string>();
  /** Delivered or wanted again, which a crash may make undone: then the hub is asked anew. */
  readonly unflushed = new Set<string>();
  /** Must be set aside, and need not wait. */
  readonly aside = new Set<string>();

  /** The spool's answer to what was offered. Delivered and removed since, it is a new batch when offered again. */
  decide(content: string, answer: "admitted" | "known"): void {
    this.undecided.delete(content);
    if (answer === "known") return;
    this.delivered.delete(content);
    this.unflushed.delete(content);
    this.waiting.add(content);
  }
}

interface World {
  readonly disk: SimulatedDisk;
  readonly database: CrashingDatabase;
  readonly model: Model;
  readonly violations: string[];
}

/** What is left out, so that the model is seen to notice. */
interface Missing {
  readonly fileSync?: boolean;
  readonly folderSync?: boolean | string;
  readonly isRelaxed?: (sql: string) => boolean;
}

const link = makeLink("integration-1", "link-1");
const actionsMax = 14;
const bytesMax = 40_000;

function open(world: World): Promise<Fixture> {
  const clock = { now: () => 1_700_000_000_000, monotonicMs: () => 0, sleep: () => new Promise<void>(() => {}) };
  return openFixture("/state", {
    fs: world.disk,
    database: world.database,
    clock,
    link,
    keepDays: 1,
    bytesMax: 40_000,
  });
}

async function admit(world: World, spool: DiskSpool, content: string): Promise<void> {
  const { model, database } = world;
  model.undecided.add(content);
  const ledger = csvLedger(database, 1);
  const answer = await put(spool, content.repeat(100), {
    origin: csvOrigin(content),
    alongside: (id) => ledger.record({ path: content, bytes: 1, modifiedMs: 1, inode: "1", sha256: id }, { at: 1 }),
  });
  model.decide(content, answer);
}

/** Content that is streamed, as a batch above the memory limit is. */
async function admitStreamed(world: World, spool: DiskSpool, content: string): Promise<void> {
  world.model.undecided.add(content);
  await using writer = await spool.open({ bytes: 8_000, lane: "history", signal: never });
  const bytes = new TextEncoder().encode(content.repeat(100));
  const long = new Uint8Array(1_100_000);
  long.set(bytes);
  await writer.write(long);
  const answer = await spool.admit(await writer.finish(), { origin: csvOrigin(content), lane: "history" });
  world.model.decide(content, answer);
}

/** Asks for room that has to be made of what is kept. */
async function makeRoom(spool: DiskSpool): Promise<void> {
  const bytes = Math.max(0, bytesMax - 4_096 - spool.waiting().bytes);
  const writer = await spool.open({ bytes, lane: "live", signal: never });
  await writer[Symbol.asyncDispose]();
}

async function act(world: World, spool: DiskSpool, random: () => number): Promise<void> {
  const name = () => String.fromCharCode(97 + Math.floor(random() * 12));
  const choice = random();
  if (choice < 0.3) return await admit(world, spool, name());
  if (choice < 0.5) {
    const results = await Promise.allSettled([name(), name(), name()].map((one) => admit(world, spool, one)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  } else if (choice < 0.57) await admitStreamed(world, spool, name().toUpperCase());
  else if (choice < 0.8) {
    const batch = spool.next({ except: new Set(), limit: 1 })[0];
    if (batch === undefined) return;
    const content = fileNameOf(batch);
    // From here on it may count as delivered: the crash decides.
    world.model.waiting.delete(content);
    world.model.undecided.add(content);
    acknowledge(spool, batch.declaration.id);
    world.model.undecided.delete(content);
    world.model.delivered.add(content);
    world.model.unflushed.add(content);
    if (random() < 0.4) await makeRoom(spool);
  } else if (choice < 0.86) {
    const batch = spool.next({ except: new Set(), limit: 1 })[0];
    if (batch === undefined) return;
    const content = fileNameOf(batch);
    world.model.waiting.delete(content);
    world.model.undecided.add(content);
    await spool.setAside(batch.declaration.id, content);
    world.model.undecided.delete(content);
    world.model.aside.add(content);
  } else if (choice < 0.94) {
    await makeRoom(spool);
  } else {
    const [first] = spool.acknowledged({ after: 0, limit: 1 });
    if (first === undefined) return;
    const found = [...world.model.delivered];
    found.forEach((content) => world.model.undecided.add(content));
    spool.resend([first.id]);
    const batch = await find(spool, first.id);
    found.forEach((content) => world.model.undecided.delete(content));
    assert(batch);
    world.model.delivered.delete(fileNameOf(batch));
    world.model.unflushed.add(fileNameOf(batch));
    world.model.waiting.add(fileNameOf(batch));
  }
}

function find(spool: DiskSpool, id: string): StoredBatch | undefined {
  const except = new Set<string>();
  for (
    let batch = spool.next({ except, limit: 1 })[0];
    batch !== undefined;
    batch = spool.next({ except, limit: 1 })[0]
  ) {
    if (batch.declaration.id === id) return batch;
    except.add(batch.declaration.id);
  }
  return undefined;
}

function fileNameOf(batch: StoredBatch): string {
  return batch.declaration.origin.kind === "csv" ? batch.declaration.origin.fileName : "";
}

/** Compares spool and model. */
async function compare(world: World, fixture: Fixture): Promise<void> {
  const { model, violations } = world;
  const { spool } = fixture;
  const seen = new Set<string>();
  const except = new Set<string>();
  for (
    let batch = spool.next({ except, limit: 1 })[0];
    batch !== undefined;
    batch = spool.next({ except, limit: 1 })[0]
  ) {
    except.add(batch.declaration.id);
    const name = fileNameOf(batch);
    if (seen.has(name)) violations.push(`${name} is there twice`);
    seen.add(name);
    const mayWait = model.waiting.has(name) || model.undecided.has(name) || model.unflushed.has(name);
    if (!mayWait) violations.push(`${name} must not wait`);
    try {
      const content = zstdDecompressSync(await batch.read(0, batch.declaration.payloadBytes));
      if (!content.toString().startsWith(name.repeat(100))) violations.push(`${name} has another content`);
    } catch (error) {
      violations.push(`${name} cannot be read: ${error}`);
    }
  }
  for (const name of model.waiting) {
    if (!seen.has(name) && !model.unflushed.has(name)) violations.push(`${name} was lost`);
  }
  for (const { batch: { origin } } of fixture.lost) {
    const name = origin.kind === "csv" ? origin.fileName : "";
    // Its file was set aside already: the source reads it again, and all begins anew.
    if (!model.undecided.has(name)) violations.push(`${name} was given up`);
  }
  const aside = await contentsAside(world.disk);
  for (const name of model.aside) if (!aside.has(name)) violations.push(`${name} was set aside and lost`);
  for (const name of "abcdefghijkl") {
    const isRecorded = csvLedger(world.database, 1).file(name) !== undefined;
    const isThere = seen.has(name) ||
      [model.delivered, model.undecided, model.unflushed, model.aside].some((set) => set.has(name));
    if (isRecorded && !isThere) violations.push(`${name} is recorded as read but nowhere`);
  }
}

/** What lies in `set-aside/`, by the reasons. */
async function contentsAside(disk: SimulatedDisk): Promise<Set<string>> {
  const found = new Set<string>();
  for (const { name } of await disk.list("/state/set-aside")) {
    const folder = `/state/set-aside/${name}`;
    const files = (await disk.list(folder)).map((file) => file.name);
    if (!files.some((file) => file.endsWith(".batch")) || !files.includes("reason.txt")) continue;
    const reason = await disk.read(`${folder}/reason.txt`, { offset: 0, bytes: 100 });
    found.add(new TextDecoder().decode(reason).trim());
  }
  return found;
}

/** One life: random actions until the crash (or the end), restart, comparison. Returns the number of crash points. */
async function live(
  options: { seed: number; crashAt: number } & Missing,
): Promise<{ points: number; violations: string[] }> {
  const { seed, crashAt, fileSync = true, folderSync = true, isRelaxed = () => false } = options;
  const disk = new SimulatedDisk({ random: seededRandom(seed ^ (crashAt * 7919)), fileSync, folderSync });
  const database = new CrashingDatabase(disk, isRelaxed);
  const model = new Model();
  database.onDurable = () => model.unflushed.clear();
  const world: World = { disk, database, model, violations: [] };
  const random = seededRandom(seed);
  disk.crashAt = crashAt;
  let spool: Fixture | undefined;
  try {
    spool = await open(world);
    for (let n = 0; n < actionsMax; n++) await act(world, spool.spool, random);
    // A crash at rest: everything that was confirmed must be durable by now.
    disk.crashAt = disk.points + 1;
    disk.point();
  } catch (error) {
    if (!(error instanceof CrashError) && !disk.hasCrashed) throw error;
  }
  const { points } = disk;
  await spool?.spool[Symbol.asyncDispose]().catch(() => {});
  database[Symbol.dispose]();
  disk.restart();
  using found = database.restart(seededRandom(seed ^ crashAt));
  const after = { ...world, database: found };
  await using fixture = await open(after);
  await compare(after, fixture);
  return { points, violations: world.violations };
}

/** Crashes one story at each of its points, one after the other. */
async function crashEverywhere(
  options: { seed: number } & Missing,
): Promise<{ lives: number; violations: string[] }> {
  const violations: string[] = [];
  const { points } = await live({ ...options, crashAt: Infinity });
  for (let crashAt = 1; crashAt <= points; crashAt++) {
    const result = await live({ ...options, crashAt });
    violations.push(...result.violations.map((text) => `seed ${options.seed}, crash ${crashAt}: ${text}`));
  }
  return { lives: points, violations };
}

const seeds = Number(Deno.env.get("SPOOL_MODEL_SEEDS") ?? 6);

Deno.test("spool keeps every admitted batch, whole and once, through a crash at any write", async () => {
  let lives = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const result = await crashEverywhere({ seed });
    assertEquals(result.violations, []);
    lives += result.lives;
  }
  assert(lives > seeds * 20, `only ${lives} crash points: the stories are too short to mean anything`);
});

/** The control: the model has to notice that something is missing. */
async function findViolation(missing: Missing): Promise<string | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    const { violations } = await crashEverywhere({ seed, ...missing });
    if (violations[0] !== undefined) return violations[0];
  }
  return undefined;
}

Deno.test("spool model is red on a disk whose file sync does nothing", async () => {
  const violation = await findViolation({ fileSync: false });
  assert(violation !== undefined, "the model does not notice that files are not synced");
});

Deno.test("spool model is red on a disk whose folder sync does nothing", async () => {
  const violation = await findViolation({ folderSync: false });
  assert(violation !== undefined, "the model does not notice that folders are not synced");
});

for (const folder of ["/state", "/state/spool", "/state/set-aside"]) {
  Deno.test(`spool model is red on a disk that does not sync ${folder}`, async () => {
    const violation = await findViolation({ folderSync: folder });
    assert(violation !== undefined, `the model does not notice that ${folder} is not synced`);
  });
}

Deno.test("spool model is red when a batch expires without a flush", async () => {
  const violation = await findViolation({ isRelaxed: (sql) => sql.includes("'expired'") });
  assert(violation !== undefined, "the model does not notice that an expiry is lost");
});
