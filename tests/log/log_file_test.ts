import type { Clock } from "../../src/runtime/clock.ts";
import { LogFile, logFileName } from "../../src/log/log_file.ts";
import { assertEquals, assertMatch } from "../assert.ts";

/** A clock that stands still until it is moved. */
class StandingClock implements Clock {
  #nowMs: number;
  #monotonicMs = 0;
  constructor(now: Date) {
    this.#nowMs = now.getTime();
  }
  now() {
    return this.#nowMs;
  }
  monotonicMs() {
    return this.#monotonicMs;
  }
  sleep(): Promise<void> {
    return Promise.reject(new Error("nothing sleeps here"));
  }
  moveTo(date: Date) {
    this.#monotonicMs += Math.max(0, date.getTime() - this.#nowMs);
    this.#nowMs = date.getTime();
  }
  pass(ms: number) {
    this.moveTo(new Date(this.#nowMs + ms));
  }
}

function setUp() {
  const folder = Deno.makeTempDirSync();
  const clock = new StandingClock(new Date(2025, 2, 1, 12));
  const failures: string[] = [];
  const lost: string[] = [];
  const open = () =>
    new LogFile({
      folder,
      clock,
      noticeLine: (message) => `notice: ${message}`,
      onFailure: (message) => failures.push(message),
      onLost: (line) => lost.push(line),
    });
  const content = () => {
    const files = [...Deno.readDirSync(folder)].filter((entry) => entry.isFile).map((entry) => entry.name).toSorted();
    return Object.fromEntries(files.map((name) => [name, Deno.readTextFileSync(`${folder}/${name}`)]));
  };
  return {
    folder,
    clock,
    failures,
    lost,
    open,
    content,
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

Deno.test("every start begins a new file, and several a day do not collide", () => {
  using test = setUp();
  for (const line of ["first", "second", "third", "fourth"]) {
    using file = test.open();
    file.write(line);
  }
  assertEquals(test.content(), {
    "injixo-cloud-link.2025-03-01.2.log": "second\n",
    "injixo-cloud-link.2025-03-01.3.log": "third\n",
    "injixo-cloud-link.2025-03-01.log": "first\n",
    "injixo-cloud-link.log": "fourth\n",
  });
});

Deno.test("the first line after midnight is in a new file; the old one carries the date of the rotation", () => {
  using test = setUp();
  using file = test.open();
  test.clock.moveTo(new Date(2025, 2, 1, 23, 59, 59, 999));
  file.write("before");
  assertEquals(file.nextRotationMs, new Date(2025, 2, 2).getTime());
  test.clock.moveTo(new Date(2025, 2, 2));
  file.write("after");
  assertEquals(test.content(), { "injixo-cloud-link.2025-03-02.log": "before\n", "injixo-cloud-link.log": "after\n" });
});

Deno.test("a clock that is set back a year begins a new file too, and an empty file is not rotated", () => {
  using test = setUp();
  using file = test.open();
  test.clock.moveTo(new Date(2024, 2, 1, 12));
  file.write("a");
  assertEquals(test.content(), { "injixo-cloud-link.log": "a\n" });
  test.clock.moveTo(new Date(2024, 1, 1, 12));
  file.write("b");
  assertEquals(test.content(), { "injixo-cloud-link.2024-02-01.log": "a\n", "injixo-cloud-link.log": "b\n" });
});

Deno.test("a file that somebody moved or deleted is begun anew", () => {
  using test = setUp();
  using file = test.open();
  file.write("one");
  Deno.renameSync(`${test.folder}/${logFileName}`, `${test.folder}/moved`);
  test.clock.pass(1000);
  file.write("two");
  Deno.removeSync(`${test.folder}/${logFileName}`);
  test.clock.pass(1000);
  file.write("three");
  assertEquals(test.content(), { "moved": "one\n", "injixo-cloud-link.log": "three\n" });
});

Deno.test("lines that cannot be written are counted, handed on, and told of when it works again", () => {
  using test = setUp();
  using file = test.open();
  Deno.removeSync(`${test.folder}/${logFileName}`);
  Deno.mkdirSync(`${test.folder}/${logFileName}`); // nobody can write into a folder, not even root
  test.clock.pass(1000);
  for (const line of ["one", "two", "three"]) {
    file.write(line);
    test.clock.pass(1000);
  }
  assertEquals([test.failures.length, test.lost], [1, ["one", "two", "three"]]);
  for (const entry of Deno.readDirSync(test.folder)) Deno.removeSync(`${test.folder}/${entry.name}`);
  file.write("four");
  assertMatch(test.content()[logFileName] ?? "", /^notice: 3 lines were lost here, because .+\nfour\n$/);
});

Deno.test({
  name: "a full disk stops nothing, and after it a line says how much is missing",
  ignore: Deno.build.os !== "linux",
  fn() {
    using test = setUp();
    using file = test.open();
    Deno.removeSync(`${test.folder}/${logFileName}`);
    Deno.symlinkSync("/dev/full", `${test.folder}/${logFileName}`);
    test.clock.pass(1000);
    file.write("one");
    assertMatch(test.failures.join(), /No space left on device.*Make room on the disk/);
    Deno.removeSync(`${test.folder}/${logFileName}`);
    test.clock.pass(1000);
    file.write("two");
    assertMatch(test.content()[logFileName] ?? "", /^notice: 1 line was lost here, .*No space left.*\ntwo\n$/);
  },
});
