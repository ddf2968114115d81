import { win32 } from "node:path";
import { databaseTypes } from "../../src/config/config.ts";
import { loadConfig, loadConfigWithOrigins, parseConfig } from "../../src/config/load.ts";
import { databaseTypes as hubDatabaseTypes } from "../../src/protocol/database.ts";
import { ConfigError } from "../../src/config/problems.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";

const place = { folder: "/opt/cloud-link", file: "/opt/cloud-link/injixo-cloud-link.toml" };
const parse = (source: string) => parseConfig(source, place).config;

function problemsOf(source: string): string[] {
  try {
    parse(source);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ key, line, message }) => `${line ?? "-"} ${key}: ${message}`);
  }
  return [];
}

Deno.test("an empty configuration has the documented defaults", () => {
  assertEquals(parse(""), {
    ...place,
    app: { name: "com.injixo.cloud-link", verbose: false, importDirectory: "/opt/cloud-link" },
    hub: { url: new URL("https://www.injixo.com"), objectStoreHosts: [] },
    csv: { settleMs: 5000, pollMs: 10_000 },
    spool: { bytesMax: 10 * 1024 ** 3, freeBytesMin: 1024 ** 3, keepDays: 7 },
    upload: {},
    database: { allowQueryChanges: true },
  });
});

Deno.test("naam is the same key as name, and both at once are an error", () => {
  assertEquals(parse('[app]\nnaam = "com.injixo.cloud-link.instance.1"').app.name, "com.injixo.cloud-link.instance.1");
  assertEquals(problemsOf('[app]\nname = "a"\nnaam = "a"'), [
    '3 [app] naam: means the same as "name", which is there too. Remove one of the two',
  ]);
});

Deno.test("relative paths start in the installation folder", () => {
  const config = parse('[app]\nimportDirectory = "import"\n[hub]\ncaFile = "/etc/ca.pem"');
  assertEquals([config.app.importDirectory, config.hub.caFile], ["/opt/cloud-link/import", "/etc/ca.pem"]);
});

Deno.test("Windows paths with doubled backslashes, UNC names, umlauts, a byte order mark and CRLF are accepted", async () => {
  const windows = { folder: "C:\\Program Files\\injixo Cloud Link", file: "C:\\x.toml", path: win32 };
  const directory = (written: string) =>
    parseConfig(`[app]\r\nverbose = true\r\nimportDirectory = ${written}\r\n`, windows).config.app.importDirectory;
  assertEquals(directory('"D:\\\\Exporte für injixo"'), "D:\\Exporte für injixo");
  assertEquals(directory('"\\\\\\\\server\\\\share\\\\csv"'), "\\\\server\\share\\csv");
  assertEquals(directory('"import\\\\csv"'), "C:\\Program Files\\injixo Cloud Link\\import\\csv");
  await using folder = await temporaryFolder();
  const file = `${folder.path}/injixo-cloud-link.toml`;
  await Deno.writeTextFile(file, '\ufeff[app]\r\nname = "x"\r\n');
  assertEquals(loadConfig(file).app.name, "x");
});

Deno.test("a single backslash is explained, whether TOML refuses it or takes it for a tab", () => {
  const refused = problemsOf('[app]\nimportDirectory = "C:\\data"').join();
  assertMatch(refused, /^2 .*\nimportDirectory = "C:\\data"\n +\^\n.*each backslash twice/s);
  assertMatch(problemsOf('[app]\nimportDirectory = "C:\\temp"').join(), /control character.*each backslash twice/);
});

Deno.test("a syntax error is shown with its line, the line's text and a caret", () => {
  const [problem = ""] = problemsOf('[app]\nname = "x"\nverbose = yes\n');
  assertMatch(problem, /^3 : .+\nverbose = yes\n {10}\^$/s);
});

Deno.test("everything else that is wrong is told at once, with its line, key, value and what would be right", () => {
  const problems = problemsOf(`
colour = 1
[app]
nmae = "x"
verbose = "true"
importDirectory = ""
url = "https://hub.example"
[hbu]
[hub]
url = "http://www.injixo.com"
objectStoreHosts = ["*"]
[csv]
settleSeconds = 0
[unknown-thing]
[spool]
maxMegabytes = 1.5
[upload]
maxBytesPerSecond = 999
window = "20:00-20:00"
`);
  assertEquals(problems.toSorted(), [
    '10 [hub] url: "http://www.injixo.com" http: is not encrypted, and is allowed for this machine only (localhost). Use "https://www.injixo.com"',
    '11 [hub] objectStoreHosts: ["*"] "*" would allow too much: * is not allowed in the last two parts of the name, as in "injixo-*.s3.example.com"',
    "13 [csv] settleSeconds: 0 must be a number of seconds from 0.1 to 3600 (without quotes)",
    "14 [unknown-thing]: unknown section. There are [app], [hub], [csv], [spool], [upload], [database].",
    "16 [spool] maxMegabytes: 1.5 must be a whole number of megabytes from 1 to 100000000 (without quotes)",
    "18 [upload] maxBytesPerSecond: 999 must be a whole number of bytes from 1000 to 1000000000 (without quotes)",
    '19 [upload] window: "20:00-20:00" must be two different times of the day, such as "20:00-06:00" (this machine\'s local time)',
    "2 colour: is outside any section. There are name, verbose, importDirectory, url, caFile, account, objectStoreHosts, settleSeconds, pollSeconds, maxMegabytes, keepFreeMegabytes, keepDays, maxBytesPerSecond, window, type, connectionString, host, port, database, user, passwordFile, passwordCredential, trustServerCertificate, file, allowQueryChanges.",
    '4 [app] nmae: unknown key. Did you mean "name"?',
    '5 [app] verbose: "true" must be true or false (without quotes)',
    '6 [app] importDirectory: "" must be the path of a folder, absolute or relative to the installation folder, in quotes',
    '7 [app] url: unknown key. It belongs below the line "[hub]".',
    "8 [hbu]: unknown section. Did you mean [hub]?",
  ]);
});

Deno.test("http: is allowed for loopback addresses only, and the hub's address is an origin", () => {
  for (const url of ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:1", "https://hub.example:8443"]) {
    assertEquals(parse(`[hub]\nurl = "${url}"`).hub.url.origin, url);
  }
  for (
    const url of ["http://127.example.com", "http://10.0.0.1", "ftp://localhost", "https://a.example/b", "hub.example"]
  ) {
    assertEquals(problemsOf(`[hub]\nurl = "${url}"`).length, 1, url);
  }
});

Deno.test("the hub's address has a host that can exist, and a port that can be connected to", () => {
  for (const host of ["münchen.example", "an_old-host.example", "hub.example.", "[2001:db8::1]:8443"]) {
    assertEquals(problemsOf(`[hub]\nurl = "https://${host}"`), []);
  }
  for (const host of ["hub,example", "hub..example", "hub.example;", "*.example"]) {
    assertMatch(problemsOf(`[hub]\nurl = "https://${host}"`).join(), /^2 \[hub\] url: .* is not the name of a host/);
  }
  assertMatch(problemsOf('[hub]\nurl = "https://127.0.0.1:0"').join(), /^2 .* must have a port from 1 to 65535$/);
});

Deno.test("hosts that the relay could not allow are refused in the file", () => {
  const hosts = (host: string) => `[hub]\nobjectStoreHosts = ["${host}"]`;
  for (const host of ["store.example", "store.example:1", "store.example:65535", "[2001:db8::1]:9000"]) {
    assertEquals(parse(hosts(host)).hub.objectStoreHosts, [host]);
  }
  for (const host of ["store.example:0", "store.example:65536"]) {
    assertMatch(problemsOf(hosts(host)).join(), /objectStoreHosts: .* must have a port from 1 to 65535$/);
  }
  assertMatch(problemsOf(hosts("[:::]")).join(), /must be a host name/);
});

Deno.test("a password that was written into an address is not repeated", () => {
  const text = problemsOf('[hub]\nurl = "https://user:hunter2@hub.example"').join();
  assert(!text.includes("hunter2"), text);
  assertMatch(text, /Use "https:\/\/hub\.example"/);
  for (
    const misplaced of [
      '["https://user:hunter2@hub.example"]',
      '[hub]\n"https://user:hunter2@hub.example" = 1',
      '[spool]\n"DRIVER={x};PWD=hunter2;" = 1',
    ]
  ) {
    const problems = problemsOf(misplaced).join();
    assert(!problems.includes("hunter2"), problems);
  }
});

Deno.test("names that no service could have are refused", () => {
  for (const name of ["", "a b", "../x", "a/b", ".hidden", "ü", "x".repeat(101), "a\\nb"]) {
    assertEquals(problemsOf(`[app]\nname = "${name}"`).length, 1, name);
  }
});

Deno.test("keys that JavaScript objects have by themselves are unknown keys", () => {
  assertMatch(problemsOf("[app]\nconstructor = 1").join(), /unknown key/);
  assertMatch(problemsOf('[app]\n"__proto__" = 1').join(), /unknown key/);
  assertMatch(problemsOf("[toString]").join(), /unknown section/);
});

Deno.test("a missing file means defaults unless it was named", async () => {
  await using folder = await temporaryFolder();
  const loaded = loadConfigWithOrigins(undefined, { folder: folder.path });
  assertEquals([loaded.fileExists, loaded.config.folder, loaded.config.app.importDirectory], [
    false,
    folder.path,
    folder.path,
  ]);
  assertMatch(
    messageOf(() => loadConfig(`${folder.path}/other.toml`)),
    /other\.toml".\n.*does not exist.*--config .*the file beside the executable/,
  );
});

Deno.test("files that are no text, no file or too large are refused with the reason", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/x.toml`;
  await Deno.writeFile(file, new TextEncoder().encode("[app]\n").with(0, 0xe4));
  assertMatch(messageOf(() => loadConfig(file)), /not UTF-8/);
  await Deno.truncate(file, 2_000_000);
  assertMatch(messageOf(() => loadConfig(file)), /2000000 bytes/);
  assertMatch(messageOf(() => loadConfig(folder.path)), /not a file/);
});

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

async function temporaryFolder() {
  const path = await Deno.realPath(await Deno.makeTempDir());
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("the kept database connection is one of three ways, with the password elsewhere", () => {
  const kept = parse('[database]\nhost = "db"\ndatabase = "calls"\nport = 5433\npasswordFile = "pw.txt"').database;
  assertEquals(kept, {
    kept: { by: "parts", host: "db", port: 5433, database: "calls" },
    password: { in: "file", path: "/opt/cloud-link/pw.txt" },
    allowQueryChanges: true,
  });
  const trusting = '[database]\nhost = "db"\ndatabase = "calls"\ntrustServerCertificate = true\n';
  assertEquals(parse(`${trusting}type = "mssql"`).database.kept, {
    by: "parts",
    host: "db",
    database: "calls",
    trustServerCertificate: true,
  });
  assertEquals(problemsOf(trusting), ['4 [database] trustServerCertificate: needs "host" and type = "mssql" too']);
  const problems = problemsOf('[database]\nconnectionString = "DSN=a;PWD=geheim"\nhost = "db"\nuser = 5\n');
  assert(problems.some((line) => line.includes('says the same as "connectionString"')));
  assert(!problems.join("").includes("geheim"));
  assertEquals(problemsOf('[database]\nconnectionString = "DSN=a"\nhost = "db"\n'), [
    '3 [database] host: says the same as "connectionString": keep only one of them',
  ]);
});

Deno.test("a kept connection says what kind of database it leads to, as the hub names them", () => {
  assertEquals([...databaseTypes], [...hubDatabaseTypes]);
  for (
    const [type, rest] of [
      ["mssql", 'host = "db\\\\instance"\ndatabase = "calls"'],
      ["postgresql", 'connectionString = "DSN=a"'],
      ["odbc", 'connectionString = "DSN=a"'],
      ["sqlite", 'file = "calls.db"'],
    ] as const
  ) assertEquals(parse(`[database]\ntype = "${type}"\n${rest}`).database.type, type);
  const parts = 'host = "db"\ndatabase = "calls"\n';
  assertEquals(parse(`[database]\n${parts}`).database.type, undefined);
  for (
    const [type, rest, wrong] of [
      ["oracle", parts, '"oracle" must be one of "mssql", "mysql", "postgresql", "odbc", "sqlite"'],
      ["sqlite", parts, 'needs the key "file" too, the SQLite file'],
      ["odbc", parts, 'needs the key "connectionString" too'],
      ["mysql", 'file = "calls.db"', 'needs the key "host" or "connectionString" too'],
    ] as const
  ) assertEquals(problemsOf(`[database]\ntype = "${type}"\n${rest}`), [`2 [database] type: ${wrong}`]);
});

Deno.test("a syntax error in a line that may hold a password does not show it", () => {
  const problems = problemsOf('[database]\nconnectionString = "DSN=a;PWD=geheim\n');
  assert(!problems.join("").includes("geheim"));
});

Deno.test("uploads are limited in bytes per second and to a time of the day", () => {
  const { upload } = parse('[upload]\nmaxBytesPerSecond = 50000\nwindow = "20:00-06:00"');
  assertEquals(upload, { bytesPerSecondMax: 50_000, window: { fromMinute: 20 * 60, toMinute: 6 * 60 } });
});
