/** The rules of the import folder, on real folders. */
import { join } from "node:path";
import { systemClock } from "../../src/runtime/clock.ts";
import { StateDamagedError } from "../../src/runtime/state_damaged.ts";
import { fileReason } from "../../src/source/csv_file.ts";
import { assert, assertEquals, assertMatch, assertPrompt } from "../assert.ts";
import { eventually } from "../eventually.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { type CsvBench, neverMs, withCsvFolder } from "./csv_harness.ts";

const eventsOnly = { settleMs: neverMs, pollMs: neverMs };
/** Longer than any file is left alone that settles. */
const hourMs = 3_600_000;

Deno.test("csv folder imports what lies there, by its name", () =>
  withCsvFolder({}, async (bench) => {
    const wanted = ["a.csv", "B.CSV", "Käse 1.Csv", "line\nbreak.csv", `${"x".repeat(251)}.csv`];
    const unwanted = [
      ".hidden.csv",
      "~$a.csv",
      "~a.csv",
      "a.csv.part",
      "a.tmp",
      "a.csv~",
      ".csv",
      "injixo-cloud-link.log",
    ];
    for (const name of [...wanted, ...unwanted]) await bench.write(name, name);
    await Deno.mkdir(join(bench.folder, "sub"));
    await bench.write("sub/in-sub.csv", "sub");
    await Deno.mkdir(join(bench.folder, "folder.csv"));
    await new Deno.Command("mkfifo", { args: [join(bench.folder, "pipe.csv")] }).output();
    bench.start();
    assertEquals((await bench.admitted(wanted.length)).toSorted(), wanted.toSorted());
    const scans = bench.spool.opened;
    bench.source.importNow();
    await bench.write("last.csv", "last");
    await bench.admitted(wanted.length + 1);
    assertEquals(bench.spool.opened, scans + 1, "nothing else was opened");
    assertEquals(bench.source.problem, null);
  }));

Deno.test("csv folder takes the content unchanged, byte for byte", () =>
  withCsvFolder({}, async (bench) => {
    const content = crypto.getRandomValues(new Uint8Array(60_000));
    const large = new Uint8Array(3_000_001).map((_, index) => index % 251);
    await Deno.writeFile(join(bench.folder, "odd.csv"), content);
    await Deno.writeFile(join(bench.folder, "large.csv"), large);
    bench.start();
    await bench.admitted(2);
    const found = new Map(bench.spool.admitted.map((batch) => [batch.fileName, batch.content]));
    assertEquals(found.get("odd.csv"), content);
    assertEquals(found.get("large.csv"), large);
  }));

Deno.test("csv folder imports a file as soon as its writer closes it", () =>
  withCsvFolder(eventsOnly, async (bench) => {
    bench.start();
    await watching(bench);
    using file = await Deno.open(join(bench.folder, "slow.csv"), { write: true, create: true });
    for (const line of ["a;b\n", "1;2\n", "3;4\n"]) {
      await file.write(new TextEncoder().encode(line));
      await bench.write(`other-${line.length}${line[0]}.csv`, line);
    }
    await bench.admitted(4);
    assert(!bench.spool.admitted.some(({ fileName }) => fileName === "slow.csv"), "read while being written");
    file[Symbol.dispose]();
    await bench.admitted(5);
    assertEquals(text(bench.spool.admitted.at(-1)?.content), "a;b\n1;2\n3;4\n");
  }));

Deno.test("csv folder imports a file that is renamed in", () =>
  withCsvFolder(eventsOnly, async (bench) => {
    bench.start();
    await watching(bench);
    await bench.write("calls.part", "a;b\n");
    await Deno.rename(join(bench.folder, "calls.part"), join(bench.folder, "calls.csv"));
    assertEquals(await bench.admitted(2), ["watching.csv", "calls.csv"]);
  }));

Deno.test("csv folder does not complain of a file that is renamed away when it has been imported", () =>
  withCsvFolder(eventsOnly, async (bench) => {
    bench.start();
    await watching(bench);
    for (const away of ["done", "outside"]) {
      await bench.write(`${away}.csv`, away);
      await bench.log.line(new RegExp(`Queued ${away}`));
      const target = away === "done" ? join(bench.folder, "done.done") : await Deno.makeTempFile();
      await Deno.rename(join(bench.folder, `${away}.csv`), target);
      if (away === "outside") await Deno.remove(target);
    }
    await bench.write("next.csv", "next");
    await bench.log.line(/Queued next/);
    assertEquals(bench.log.lines().filter((line) => line.startsWith("warning")), []);
    assertEquals(bench.source.problem, null);
  }));

Deno.test("csv folder reads no half of a file that is opened again as soon as it was closed", () => {
  const clock = new FakeClock();
  return withCsvFolder({ ...eventsOnly, clock }, async (bench) => {
    bench.start();
    await watching(bench);
    for (let round = 1; round <= 5; round++) {
      await bench.write("a.csv", "before");
      using file = await Deno.open(join(bench.folder, "a.csv"), { write: true, truncate: true });
      await file.write(new TextEncoder().encode(`${round} BEGIN\n`));
      await allHeeded(bench);
      await clock.advance(hourMs);
      // When this one is in, the other has had its chance.
      await allHeeded(bench);
      await file.write(new TextEncoder().encode("END\n"));
      file[Symbol.dispose]();
      await allHeeded(bench);
      await clock.advance(1000);
      await bench.spool.until(() => contentsOf(bench, "a.csv").length === round);
    }
    assertEquals(contentsOf(bench, "a.csv"), [1, 2, 3, 4, 5].map((round) => `${round} BEGIN\nEND\n`));
  });
});

Deno.test("csv folder leaves a file alone that is open for longer than files settle", () => {
  const clock = new FakeClock();
  return withCsvFolder({ settleMs: 1000, pollMs: neverMs, clock }, async (bench) => {
    bench.start();
    await watching(bench);
    using file = await Deno.open(join(bench.folder, "paused.csv"), { write: true, create: true });
    await file.write(new TextEncoder().encode("queue;time\n"));
    await allHeeded(bench);
    // Nobody closes this one, so it settles.
    await bench.write("link.txt", "link");
    await Deno.link(join(bench.folder, "link.txt"), join(bench.folder, "link.csv"));
    await allHeeded(bench);
    await clock.advance(1000);
    await bench.spool.until(() => contentsOf(bench, "link.csv").length === 1);
    await clock.advance(9000);
    await allHeeded(bench);
    assertEquals(contentsOf(bench, "paused.csv"), [], "read while it was open");
    await file.write(new TextEncoder().encode("sales;09:00\n"));
    file[Symbol.dispose]();
    await allHeeded(bench);
    await clock.advance(1000);
    await bench.spool.until(() => contentsOf(bench, "paused.csv").length > 0);
    assertEquals(contentsOf(bench, "paused.csv"), ["queue;time\nsales;09:00\n"]);
  });
});

Deno.test("csv folder waits until an open file has not changed for a minute", () => {
  const clock = new FakeClock();
  return withCsvFolder({ settleMs: 500, pollMs: neverMs, clock }, async (bench) => {
    bench.start();
    await watching(bench);
    using file = await Deno.open(join(bench.folder, "kept-open.csv"), { write: true, create: true });
    for (let line = 0; line < 4; line++) {
      await file.write(new TextEncoder().encode(`${line}\n`));
      await allHeeded(bench);
      await clock.advance(59_999);
      await allHeeded(bench);
      assertEquals(contentsOf(bench, "kept-open.csv"), [], "read while it was being written");
    }
    await clock.advance(1);
    await bench.spool.until(() => contentsOf(bench, "kept-open.csv").length > 0);
    assertEquals(contentsOf(bench, "kept-open.csv"), ["0\n1\n2\n3\n"]);
  });
});

Deno.test("csv folder does not take a file for open whose times are set after it was closed", () =>
  withCsvFolder({ settleMs: 100, pollMs: 100, clock: systemClock }, async (bench) => {
    bench.start();
    await watching(bench);
    await bench.write("a.csv", "a");
    await Deno.utime(join(bench.folder, "a.csv"), 0, 0);
    // An open one settles for a minute, and nothing here waits that long.
    await bench.admitted(2);
  }));

Deno.test("csv folder tells once of files that keep changing, and imports them when they are closed", async () => {
  const clock = new FakeClock();
  await withCsvFolder({ clock, settleMs: 30_000, pollMs: 10_000 }, async (bench) => {
    const paths = [1, 2, 3, 4, 5, 6, 7].map((file) => join(bench.folder, `open-${file}.csv`));
    const files = await Promise.all(paths.map((path) => Deno.open(path, { append: true, create: true })));
    const poll = async () => {
      await clock.sleeping();
      await clock.advance(10_000);
    };
    const write = async () => {
      for (const [index, file] of files.entries()) await file.write(new TextEncoder().encode(`${index};09:00\n`));
    };
    const told = () => bench.log.lines().filter((line) => /not imported yet/.test(line));
    await write();
    bench.start();
    while (told().length === 0) {
      await write();
      await poll();
    }
    // Open files settle after five minutes here.
    const minutes = (clock.now() - Date.parse("2026-03-02T08:00:00Z")) / 60_000;
    assert(minutes >= 15 && minutes < 16, `told after ${minutes} minutes`);
    assertMatch(
      told()[0] ?? "",
      /^warning open-.\.csv is not imported yet: it has kept changing since 2026-03-02 08:00 /,
    );
    assertMatch(told().at(-1) ?? "", /^warning 2 more files/);
    assertMatch(
      bench.source.problem ?? "",
      /^The file "open-.\.csv" is waiting .* it has kept changing .* 6 more files/,
    );
    for (let round = 0; round < 100; round++) {
      await write();
      await poll();
    }
    assertEquals(told().length, 6);
    assertEquals(bench.spool.admitted, []);
    for (const file of files) file[Symbol.dispose]();
    while (bench.spool.admitted.length < files.length || bench.source.problem !== null) await poll();
  });
});

Deno.test("csv folder finds files without events, as on a network share", async () => {
  const { watchFs } = Deno;
  Deno.watchFs = () => {
    throw new Error("No space left on device (os error 28)");
  };
  try {
    await withCsvFolder({}, async (bench) => {
      bench.start();
      await bench.log.line(/^warning Cannot watch .* for changes: No space left on device/);
      await bench.write("a.csv", "1");
      await bench.admitted(1);
      await bench.write("b.csv", "2");
      await bench.admitted(2);
      assertEquals(bench.log.lines().filter((line) => line.startsWith("warning")).length, 1);
    });
  } finally {
    Deno.watchFs = watchFs;
  }
});

Deno.test("csv folder watches anew when it finds files that it was not told of", async () => {
  const { watchFs } = Deno;
  let isDeaf = false;
  let watches = 0;
  Deno.watchFs = (...args) => {
    watches++;
    const watcher = watchFs(...args);
    // As a real one after the folder's file system was unmounted and mounted again.
    async function* heard(): AsyncIterableIterator<Deno.FsEvent> {
      for await (const event of watcher) if (!isDeaf) yield event;
    }
    const close = () => watcher.close();
    return Object.assign(heard(), { close, [Symbol.dispose]: close });
  };
  try {
    await withCsvFolder({ settleMs: neverMs }, async (bench) => {
      bench.start();
      await watching(bench);
      isDeaf = true;
      const told = () =>
        bench.log.lines().some((line) => /^info The system did not tell of .* watched anew/.test(line));
      for (let file = 0; !told(); file++) {
        await bench.write(`${file}.csv`, `${file}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      isDeaf = false;
      while (bench.spool.admitted.length < 2) {
        await bench.write("last.csv", crypto.randomUUID());
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assertEquals(watches, 2);
    });
  } finally {
    Deno.watchFs = watchFs;
  }
});

Deno.test("csv folder imports the same content once, whatever its name", () =>
  withCsvFolder({}, async (bench) => {
    for (let copy = 0; copy < 40; copy++) await bench.write(`copy-${copy}.csv`, "same");
    bench.start();
    await bench.admitted(1);
    await bench.write("later.csv", "same");
    await bench.log.line(/later\.csv is not imported: its content was imported before/);
    assertEquals(bench.spool.admitted.length, 1);
    await bench.restart();
    await bench.write("after a restart.csv", "same");
    await bench.log.line(/after a restart\.csv is not imported/);
    assertEquals(bench.spool.admitted.length, 1);
  }));

Deno.test("csv folder imports the same name with new content again", () =>
  withCsvFolder({}, async (bench) => {
    bench.start();
    for (const [index, content] of ["one", "two", "six"].entries()) {
      await bench.write("calls.csv", content);
      await bench.admitted(index + 1);
    }
    assertEquals(bench.spool.admitted.map(({ content }) => text(content)), ["one", "two", "six"]);
  }));

Deno.test("csv folder imports what is renamed in, even if it looks like the version before", () =>
  withCsvFolder(eventsOnly, async (bench) => {
    bench.start();
    await watching(bench);
    const [hidden, path] = [join(bench.folder, "z.tmp"), join(bench.folder, "z.csv")];
    await Deno.writeTextFile(hidden, "");
    for (let round = 0; round < 4; round++) {
      await Deno.writeTextFile(hidden, `zzz,${round}\n`);
      await Deno.utime(hidden, 1e9, 1e9);
      await Deno.rename(hidden, path);
      await bench.spool.until(() => bench.spool.admitted.some(({ content }) => text(content) === `zzz,${round}\n`));
      await Deno.rename(path, hidden);
    }
  }));

Deno.test("csv folder reads a file once, over restarts too", () =>
  withCsvFolder({}, async (bench) => {
    for (let file = 0; file < 20; file++) await bench.write(`${file}.csv`, `${file}`);
    bench.start();
    await bench.admitted(20);
    await bench.restart();
    await bench.write("new.csv", "new");
    await bench.admitted(21);
    bench.source.importNow();
    await bench.write("newer.csv", "newer");
    await bench.admitted(22);
    assertEquals(bench.spool.opened, 22);
  }));

Deno.test("csv folder reads a file again that changed while being read", async () => {
  let folder = "";
  let appended = 0;
  const beforeWrite = async (written: number) => {
    if (written === 0 && appended++ < 2) {
      await Deno.writeTextFile(join(folder, "large.csv"), "more\n", { append: true });
    }
  };
  await withCsvFolder({ beforeWrite }, async (bench) => {
    folder = bench.folder;
    const content = "0123456789abcde\n".repeat(200_000);
    await bench.write("large.csv", content);
    bench.start();
    await bench.admitted(1);
    assertEquals(text(bench.spool.admitted[0]?.content), `${content}more\nmore\n`);
    await bench.log.line(/Queued large/);
    const lines = bench.log.lines().filter((line) => line.includes("large.csv"));
    assertEquals(lines, [
      "warning Cannot import large.csv: it changed while being read. It is retried until it works.",
      "info large.csv was read successfully on attempt 3.",
      `info Queued large.csv for delivery, ${content.length + 10} bytes.`,
    ]);
  });
});

Deno.test("csv folder imports no mixture of two versions", async () => {
  let writer: Deno.FsFile | undefined;
  const beforeWrite = async (written: number) => {
    if (written < 2_000_000) return;
    await writer?.write(new TextEncoder().encode("new"));
    writer = undefined;
  };
  await withCsvFolder({ beforeWrite }, async (bench) => {
    const path = join(bench.folder, "large.csv");
    await bench.write("large.csv", "0123456789abcde\n".repeat(200_000));
    using file = await Deno.open(path, { write: true });
    writer = file;
    bench.start();
    await bench.admitted(1);
    assertEquals(text(bench.spool.admitted[0]?.content.subarray(0, 5)), "new34");
    await bench.log.line(/Cannot import large\.csv: it changed while being read/);
  });
});

Deno.test("csv folder reads again what was rewritten at the same length while being read", async () => {
  let folder = "";
  let rewritten = false;
  const beforeWrite = async () => {
    if (rewritten) return;
    rewritten = true;
    const { mtime } = await Deno.stat(join(folder, "a.csv"));
    using file = await Deno.open(join(folder, "a.csv"), { write: true, truncate: true });
    await file.write(new TextEncoder().encode("new"));
    if (mtime) await file.utime(mtime, mtime);
  };
  await withCsvFolder({ beforeWrite }, async (bench) => {
    folder = bench.folder;
    await bench.write("a.csv", "old");
    bench.start();
    await bench.spool.until(() => text(bench.spool.admitted.at(-1)?.content) === "new");
  });
});

Deno.test("csv folder tells of an empty file once, has no problem with it, and imports it when it has been filled", () =>
  withCsvFolder({}, async (bench) => {
    await bench.write("empty.csv", "");
    bench.start();
    await bench.log.line(/empty\.csv/);
    assertEquals(bench.source.problem, null);
    await bench.write("full.csv", "1");
    await bench.admitted(1);
    await bench.write("empty.csv", "no longer");
    await bench.log.line(/Queued empty/);
    assertEquals(bench.log.lines().filter((line) => /empty\.csv/.test(line)), [
      "warning empty.csv is not imported: it is empty. Save it again with its content, or delete it.",
      "info Queued empty.csv for delivery, 9 bytes.",
    ]);
  }));

Deno.test("csv folder copes with a file that vanishes, and comes back", async () => {
  let folder = "";
  let removed = false;
  const beforeOpen = async (bytes: number) => {
    if (bytes !== 5 || removed) return;
    removed = true;
    await Deno.remove(join(folder, "gone.csv"));
  };
  await withCsvFolder({ beforeOpen }, async (bench) => {
    folder = bench.folder;
    await bench.write("gone.csv", "12345");
    await bench.write("stays.csv", "1");
    bench.start();
    await bench.log.line(/^warning Cannot import gone\.csv: it has vanished/);
    await bench.admitted(1);
    await eventually(() => bench.source.problem === null);
    await bench.write("gone.csv", "12345");
    assertEquals(await bench.admitted(2), ["stays.csv", "gone.csv"]);
  });
});

/** The configuration, and logs of today and of earlier days. */
const ownFiles = [
  "injixo-cloud-link.toml",
  "injixo-cloud-link.log",
  "injixo-cloud-link.2026-03-01.log",
  "injixo-cloud-link.2026-03-01.2.log",
];

Deno.test("csv folder follows no link out of the folder, nor to the agent's own files", () =>
  withCsvFolder({ own: ["state", "injixo-cloud-link.toml"] }, async (bench) => {
    const outside = await Deno.makeTempFile();
    try {
      const link = (target: string, name: string) => Deno.symlink(target, join(bench.folder, name));
      await Deno.writeTextFile(outside, "secret");
      await Deno.mkdir(join(bench.folder, "state"));
      for (const name of ["state/secret", ...ownFiles, "data.txt", "a.csv"]) await bench.write(name, name);
      await link(outside, "outside.csv");
      await link("../../../../etc/passwd", "passwd.csv");
      await link("state/secret", "state.csv");
      for (const name of ownFiles) await link(name, `${name}.csv`);
      await link("nowhere", "dangling.csv");
      await link("loop.csv", "loop.csv");
      await link("a.csv", "again.csv");
      await link("data.txt", "data.csv");
      bench.start();
      assertEquals((await bench.admitted(2)).toSorted(), ["a.csv", "data.csv"]);
      await bench.log.line(/outside\.csv: it is a symbolic link that leaves the import folder/);
      await bench.log.line(/passwd\.csv: it is a symbolic link that leaves the import folder/);
      await bench.log.line(/dangling\.csv: it is a link to a file that does not exist/);
      await bench.log.line(/loop\.csv: Too many levels of symbolic links/);
      assertEquals(bench.spool.opened, 2);
      assertEquals(bench.log.lines().filter((line) => line.startsWith("warning")).length, 4);
    } finally {
      await Deno.remove(outside);
    }
  }));

Deno.test("csv folder says what to do about a name that is no UTF-8", () =>
  withCsvFolder({}, async (bench) => {
    const script = `printf x > "$1/caf$(printf '\\351').csv"`;
    await new Deno.Command("sh", { args: ["-c", script, "sh", bench.folder] }).output();
    await bench.write("a.csv", "1");
    bench.start();
    await bench.log.line(/^warning Cannot import caf.\.csv: its name is not valid UTF-8; rename it/);
    assertEquals(await bench.admitted(1), ["a.csv"]);
  }));

Deno.test("csv folder does not read the folder at every write to a file whose name is no UTF-8", async () => {
  const { readDir } = Deno;
  let scans = 0;
  Deno.readDir = async function* (path) {
    scans++;
    await new Promise((resolve) => setTimeout(resolve, 50));
    yield* readDir(path);
  };
  try {
    await withCsvFolder({ ...eventsOnly, clock: systemClock }, async (bench) => {
      bench.start();
      await watching(bench);
      const script = `for i in 1 2 3 4 5 6 7 8 9 10; do echo x >> "$1/caf$(printf '\\351').csv"; sleep 0.06; done`;
      const startedMs = performance.now();
      scans = 0;
      await new Deno.Command("sh", { args: ["-c", script, "sh", bench.folder] }).output();
      // A scan takes 50 ms, and at most one part in 20 of the time.
      assert(scans <= 2 + (performance.now() - startedMs) / 1000, `${scans} scans`);
    });
  } finally {
    Deno.readDir = readDir;
  }
});

Deno.test("csv folder waits loudly for a folder that is missing, and watches the new one", () =>
  withCsvFolder({ settleMs: neverMs }, async (bench) => {
    await Deno.remove(bench.folder);
    bench.start();
    await bench.log.line(/^error Cannot read the import folder .*: it does not exist\. Create it/);
    assertMatch(bench.source.problem ?? "", /\[app\] importDirectory/);
    for (let round = 1; round <= 2; round++) {
      await Deno.mkdir(bench.folder);
      const recovered = () => bench.log.lines().filter((line) => /can be read again/.test(line)).length;
      await eventually(() => recovered() >= round, { what: "the folder to be read again" });
      assertEquals(bench.source.problem, null);
      // Only an event can tell that this file is finished.
      await bench.write("a.csv", `round ${round}`);
      await bench.admitted(round);
      await Deno.remove(bench.folder, { recursive: true });
      await eventually(() => bench.source.problem !== null, { what: "a folder that is missing to be told" });
    }
    assertEquals(bench.log.lines().filter((line) => line.startsWith("error")).length, 3);
    await Deno.mkdir(bench.folder);
  }));

for (
  const [what, told, spoil] of [
    ["is missing", "it does not exist. Create it, or correct [app] importDirectory.", () => {}],
    [
      "is a file",
      "it is not a folder. Check it, or correct [app] importDirectory.",
      (folder: string) => Deno.writeTextFileSync(folder, ""),
    ],
    [
      "may not be read",
      "the service's account may not read it (Permission denied (os error 13)). Give the account the right to read it.",
      (folder: string) => {
        Deno.mkdirSync(folder);
        Deno.readDir = () => {
          throw new Deno.errors.PermissionDenied("Permission denied (os error 13): readdir '/x'");
        };
      },
    ],
  ] as const
) {
  Deno.test(`csv folder that ${what} is told with what to do about that`, async () => {
    const { readDir } = Deno;
    try {
      await withCsvFolder({}, async (bench) => {
        await Deno.remove(bench.folder);
        spoil(bench.folder);
        bench.start();
        await bench.log.line(/Cannot read the import folder/);
        assertEquals(bench.source.problem, `Cannot read the import folder "${bench.folder}": ${told}`);
        await bench.stop();
        await Deno.mkdir(bench.folder).catch(() => {});
      });
    } finally {
      Deno.readDir = readDir;
    }
  });
}

Deno.test("csv folder waits while the spool takes nothing, says so once and loses nothing", async () => {
  let failures = 0;
  const beforeOpen = () => {
    if (failures++ < 20) throw new Error("the disk is full");
  };
  await withCsvFolder({ beforeOpen }, async (bench) => {
    for (let file = 0; file < 50; file++) await bench.write(`${file}.csv`, `${file}`);
    bench.start();
    await bench.log.line(/^error Cannot queue CSV files: the disk is full/);
    assertEquals(bench.source.problem, "CSV files are not queued: the disk is full");
    await bench.admitted(50);
    await bench.log.line(/CSV files are queued again/);
    assertEquals(bench.log.lines().filter((line) => line.startsWith("error")).length, 1);
    assertEquals(bench.source.problem, null);
  });
});

Deno.test("csv folder stops at once, in the middle of a file", async () => {
  const writing = Promise.withResolvers<void>();
  const beforeWrite = () => writing.resolve();
  await withCsvFolder({ beforeWrite }, async (bench) => {
    await Deno.writeFile(join(bench.folder, "large.csv"), new Uint8Array(50_000_000));
    bench.start();
    await writing.promise;
    const startedMs = performance.now();
    await bench.stop();
    assertPrompt(performance.now() - startedMs);
    assertEquals(bench.spool.admitted.length, 0);
  });
});

Deno.test("a locked file is told apart", () => {
  assertEquals(fileReason(new Deno.errors.Busy("x")), "another program has locked it");
});

/** Resolves when an event has been seen to work. */
async function watching(bench: CsvBench): Promise<void> {
  let isSeen = false;
  const seen = bench.admitted(1).finally(() => isSeen = true);
  const tries = (async () => {
    while (!isSeen) {
      await renameIn(bench, "watching");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await Promise.all([seen, tries]);
}

/** Resolves when everything that happened so far was heeded, events first (they come in order), then the folder read. */
async function allHeeded(bench: CsvBench): Promise<void> {
  for (const what of ["events", "folder"]) {
    const name = `${what}-${crypto.randomUUID()}`;
    if (what === "folder") bench.source.importNow();
    await renameIn(bench, name);
    await bench.log.line(new RegExp(`Queued ${name}`));
  }
}

/** A file that is renamed in is read at once, whatever the clock says. */
async function renameIn(bench: CsvBench, name: string): Promise<void> {
  await bench.write(`${name}.part`, name);
  await Deno.rename(join(bench.folder, `${name}.part`), join(bench.folder, `${name}.csv`));
}

/** The contents that were imported under this name. */
function contentsOf({ spool }: CsvBench, name: string): string[] {
  return spool.admitted.filter(({ fileName }) => fileName === name).map(({ content }) => text(content));
}

function text(content: Uint8Array | undefined): string {
  return new TextDecoder().decode(content);
}

/** A ledger that fails while it is told to, and tells of it. */
function failingLedger() {
  const failed = Promise.withResolvers<void>();
  const state: { error: Error | undefined } = { error: undefined };
  const onLedger = () => {
    if (state.error === undefined) return;
    failed.resolve();
    throw state.error;
  };
  return { state, onLedger, failed: failed.promise };
}

const locked = new Error("database is locked");

Deno.test("csv folder tells a ledger that is locked from a folder that cannot be read, and goes on", () => {
  const { state, onLedger, failed } = failingLedger();
  return withCsvFolder({ onLedger }, async ({ write, start, admitted, log, source }) => {
    await write("a.csv", "1\n");
    state.error = locked;
    start();
    await failed;
    await log.line(/^error/);
    assertEquals(source.problem, "Cannot look up what was imported: database is locked.");
    state.error = undefined;
    assertEquals(await admitted(1), ["a.csv"]);
    assertEquals(source.problem, null);
    await log.line(/Queued/);
    assertEquals(log.lines(), [
      "error Cannot look up what was imported: database is locked. Files stay where they are; this is retried every 1 s.",
      "info What was imported can be looked up again.",
      "info Queued a.csv for delivery, 2 bytes.",
    ]);
  });
});

Deno.test("csv folder goes on after the ledger was locked when a file had its turn", () => {
  const { state, onLedger, failed } = failingLedger();
  return withCsvFolder({ onLedger, pollMs: neverMs }, async ({ folder, start, admitted, log, write, source }) => {
    await write("a.csv", "1\n");
    start();
    await admitted(1);
    state.error = locked;
    await Deno.writeTextFile(`${folder}/b.part`, "2\n");
    await Deno.rename(`${folder}/b.part`, `${folder}/b.csv`);
    await failed;
    await log.line(/^error/);
    state.error = undefined;
    assertEquals(await admitted(2), ["a.csv", "b.csv"]);
    assertEquals(source.problem, null);
  });
});

Deno.test("csv folder ends when the state is damaged: a restart sets it aside", () => {
  const { state, onLedger } = failingLedger();
  return withCsvFolder({ onLedger }, async ({ write, start, ended }) => {
    await write("a.csv", "1\n");
    state.error = new StateDamagedError("malformed");
    start();
    assertMatch(String(await ended()), /Cannot look up what was imported: malformed/);
  });
});

Deno.test("csv folder ends when the state is found damaged when a file has its turn", () => {
  const { state, onLedger } = failingLedger();
  return withCsvFolder({ onLedger, pollMs: neverMs }, async ({ folder, start, admitted, write, ended }) => {
    await write("a.csv", "1\n");
    start();
    await admitted(1);
    state.error = new StateDamagedError("malformed");
    await Deno.writeTextFile(`${folder}/b.part`, "2\n");
    await Deno.rename(`${folder}/b.part`, `${folder}/b.csv`);
    assertMatch(String(await ended()), /Cannot look up what was imported: malformed/);
  });
});
