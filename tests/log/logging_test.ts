import { getLogger } from "@logtape/logtape";
import { systemClock } from "../../src/runtime/clock.ts";
import type { LogEntry } from "../../src/log/entry.ts";
import { escapeControls } from "../../src/log/escape.ts";
import { jsonLine, textLine } from "../../src/log/line.ts";
import { startLogging } from "../../src/log/logging.ts";
import { logFileName } from "../../src/log/log_file.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";

/** Logs by `act`, and returns the lines of the file without their time. */
async function linesOf(act: () => void, onError?: (entry: LogEntry) => void): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    await using logging = startLogging({
      folder,
      clock: systemClock,
      standardError: "none",
      ...(onError === undefined ? {} : { onError }),
    });
    logging.redactor.register("geheim/wort");
    act();
    const text = await Deno.readTextFile(`${folder}/${logFileName}`);
    return text.trimEnd().split("\n").map((line) =>
      line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d /, "")
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const log = getLogger(["cloud-link", "test"]);

Deno.test("a line has level, category, message, and the fields that the message does not show", async () => {
  assertEquals(
    await linesOf(() => {
      log.info("Read {file}.", { file: "a b.csv", bytes: 12, why: "new file", at: new Date(0) });
      log.warn("Careful.");
      log.debug("Not written.");
    }),
    ['INFO  test: Read a b.csv. bytes=12 why="new file" at=1970-01-01T00:00:00.000Z', "WARN  test: Careful."],
  );
});

Deno.test("a hostile file name cannot forge a line, nor reach the terminal", async () => {
  const file = "a.csv\n2025-01-01T00:00:00.000+00:00 ERROR forged\u001b[31m\u202e\u2028.csv";
  const lines = await linesOf(() => {
    log.info("Read {file}.", { file });
    log.info("Read.", { file });
  });
  assertEquals(lines.length, 2);
  for (const line of lines) assert(!/[\p{Cc}\u2028\u202e]/u.test(line), line);
});

Deno.test("errors are one line with their code and causes, and the last one is told to status", async () => {
  const seen: string[] = [];
  const cause = Object.assign(new TypeError("Verbindung\nverloren"), { code: "ECONNRESET" });
  const [line = ""] = await linesOf(
    () => log.error("Cannot send: {error}", { error: new Error("no answer", { cause }) }),
    (entry) => seen.push(entry.message),
  );
  assertEquals(
    line,
    "ERROR test: Cannot send: no answer, because TypeError: Verbindung\\nverloren (ECONNRESET)",
  );
  assertEquals(seen.length, 1);
});

Deno.test("secrets are masked in messages, in fields at any depth and in the causes of errors", async () => {
  const jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhYmMifQ.c2lnbmF0dXJl";
  const lines = await linesOf(() => {
    log.info("Uses {proxy}.", { proxy: "http://max:geheim99@proxy.example:8080/x" });
    log.info("{first} {second}", {
      first: "DRIVER={X};UID=sa;PWD={gehe;im99};SERVER=db",
      second: "DSN=x;Password=gehe im99;Encrypt=yes",
    });
    log.info("nested", { a: { b: [{ password: "geheim99" }, `Authorization: Bearer ${jwt}`] } });
    log.info("nested", { headers: { authorization: "Basic Z2VoZWltOTk=" }, body: '{"client_secret": "geheim99"}' });
    log.error("failed: {error}", {
      error: new Error("outer", { cause: new Error(`url https://x.example/?X-Amz-Signature=geheim99&a=1`) }),
    });
    log.info("registered {a} and {b}", { a: "xx geheim/wort xx", b: "geheim%2Fwort" });
    log.info("The hub answered with {header}", { header: "set-cookie: session=geheim99; Path=/" });
    log.info(`-----BEGIN PRIVATE KEY-----\ngeheim99\n-----END PRIVATE KEY-----`);
  });
  assertEquals(lines.length, 8);
  const all = lines.join("\n");
  for (const secret of ["geheim", "gehe", "im99", "eyJ", "Z2Vo", "wort"]) assert(!all.includes(secret), all);
  assertMatch(all, /http:\/\/\*\*\*@proxy\.example:8080\/x/);
  assertMatch(all, /DRIVER=\{X\};UID=sa;PWD=\*\*\*;SERVER=db/);
  assertMatch(all, /Password=\*\*\*;Encrypt=yes/);
  assertMatch(all, /X-Amz-Signature=\*\*\*&a=1/);
});

Deno.test("what is no secret stays readable", async () => {
  const messages = [
    "** 4) Enter your pin: 424242 (expires in 5 minutes)",
    "Basic authentication is supported by http://proxy.example:8080, see https://www.injixo.com/a@b",
    "The token endpoint answered 401. Passwords differ.",
    "Uploaded contact_interval_2025_03_01_0715.csv to injixo-eu.s3-eu-west-1.amazonaws.com",
  ];
  const lines = await linesOf(() => {
    for (const message of messages) log.info("{message}", { message });
  });
  assertEquals(lines, messages.map((message) => `INFO  test: ${message}`));
});

Deno.test("a line of a megabyte is cut with a mark", async () => {
  const [line = ""] = await linesOf(() => log.info("x".repeat(1_000_000)));
  assert(line.length < 17_000);
  assertMatch(line, /… \(\d+ more characters\)$/);
});

Deno.test("lines are in JSON when asked for, one object a line", () => {
  const entry: LogEntry = {
    timestampMs: 0,
    level: "warning",
    category: "spool",
    message: "a\nb\u2028",
    fields: { n: 1, list: ["x"] },
  };
  const line = jsonLine(entry);
  assert(!/[\n\u2028]/.test(line));
  const { time, ...rest } = JSON.parse(line);
  assertEquals(new Date(time).getTime(), 0);
  assertEquals(rest, { level: "warning", category: "spool", message: "a\nb\u2028", fields: { n: 1, list: ["x"] } });
  assertEquals(JSON.parse(jsonLine({ ...entry, fields: { big: "x".repeat(100_000) } })).level, "warning");
});

Deno.test("the time of a line has the local offset", () => {
  const at = new Date(2025, 6, 1, 7, 5, 9, 12);
  const [time = ""] = textLine({ timestampMs: at.getTime(), level: "info", category: "x", message: "", fields: {} })
    .split(" ");
  assertMatch(time, /^2025-07-01T07:05:09\.012[+-]\d\d:\d\d$/);
  assertEquals(new Date(time).getTime(), at.getTime());
});

Deno.test("umlauts and characters beyond the BMP are no controls", () => {
  assertEquals(escapeControls("Größe 😀 \ud800"), "Größe 😀 \\u{d800}");
});

Deno.test("logging ends without a trace and can be started again", async () => {
  assertEquals(await linesOf(() => log.info("one")), ["INFO  test: one"]);
  assertEquals(await linesOf(() => log.info("two")), ["INFO  test: two"]);
});
