/** `support`: what is in the archive, and that no secret ever is. */
import { join } from "node:path";
import { realFileSystem } from "../../src/durable/real_file_system.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { writeIdentity } from "../../src/state/identity.ts";
import { openState } from "../../src/state/state.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { Installation } from "./cli.ts";

const keyPart = "Jd7wq2vXm1cKzR8tYbN4pLs0aHf6GuEo3iTjVxQyWkM";
const hub = '[hub]\nurl = "http://127.0.0.1:9"\n';

/** An installation that has an identity, and a log. */
async function makeInstallation(options: { toml?: string; log?: string } = {}): Promise<Installation> {
  const installation = await Installation.make(hub + (options.toml ?? ""));
  const owner = { appName: "com.injixo.cloud-link", folder: installation.folder, machineId: undefined };
  using state = await openState(join(installation.folder, "state"), { owner, fs: realFileSystem, clock: systemClock });
  const privateKey = { kty: "EC", crv: "P-256", x: "x", y: "y", d: keyPart };
  writeIdentity(state.database, { privateKey, registration: undefined });
  const log = join(installation.folder, "injixo-cloud-link.log");
  await Deno.writeTextFile(log, options.log ?? "2025-03-01T07:05:09.120+01:00 INFO  cloud-link: starts\n");
  return installation;
}

async function unpack(archive: string): Promise<Map<string, string>> {
  const folder = await Deno.makeTempDir();
  try {
    const { success } = await new Deno.Command("tar", { args: ["-xzf", archive, "-C", folder, "--strip-components=1"] })
      .output();
    assert(success, "tar does not read the archive");
    const files = new Map<string, string>();
    const read = async (path: string) => {
      for await (const { name, isDirectory } of Deno.readDir(join(folder, path))) {
        const inner = join(path, name);
        if (isDirectory) await read(inner);
        else files.set(inner, await Deno.readTextFile(join(folder, inner)));
      }
    };
    await read("");
    return files;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("support gathers configuration, logs of the last days, check, status and versions", async () => {
  await using installation = await makeInstallation();
  const old = join(installation.folder, "injixo-cloud-link.2024-01-01.log");
  await Deno.writeTextFile(old, "old\n");
  await Deno.utime(old, 1, 1);
  await Deno.writeTextFile(join(installation.folder, "injixo-cloud-link.2025-02-28.log"), "yesterday\n");
  const archive = join(installation.folder, "support.tar.gz");
  const { code, out, err } = await installation.run(
    "support",
    "--config",
    installation.configFile,
    "--output",
    archive,
  );
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /Wrote ".*support\.tar\.gz"/);
  assertEquals(((await Deno.stat(archive)).mode ?? 0) & 0o777, 0o600);
  const files = await unpack(archive);
  assertEquals([...files.keys()].toSorted(), [
    "check.txt",
    "config.toml",
    "logs/injixo-cloud-link.2025-02-28.log",
    "logs/injixo-cloud-link.log",
    "service.txt",
    "status.txt",
    "versions.json",
  ]);
  assertMatch(files.get("config.toml") ?? "", /url = "http:\/\/127\.0\.0\.1:9" # file/);
  assertMatch(files.get("check.txt") ?? "", /Installation folder[\s\S]*exit code 1/);
  assertMatch(files.get("status.txt") ?? "", /No agent is running/);
  assertMatch(files.get("logs/injixo-cloud-link.log") ?? "", /starts/);
});

for (
  const [what, log] of [
    ["the private key", `2025 INFO  cloud-link: oops ${keyPart}\n`],
    ["the password of the proxy", "2025 INFO  cloud-link: fine\n2025 INFO  cloud-link: oops pr0xy-p@ss\n"],
    ["the password of the kept database", "2025 INFO  cloud-link: oops k3pt}secret\n"],
    ["the password in a kept connection string", "2025 INFO  cloud-link: oops str1ng-secret\n"],
    ["a password in Base64", `2025 INFO  cloud-link: oops ${btoa("k3pt}secret-long")}\n`],
  ] as const
) {
  Deno.test(`support refuses to write ${what}, and names file and line`, async () => {
    const passwordFile = await Deno.makeTempFile();
    await Deno.writeTextFile(passwordFile, what.includes("Base64") ? "k3pt}secret-long\n" : "k3pt}secret\n");
    await using installation = await makeInstallation({
      log,
      toml: what.includes("connection string")
        ? '[database]\nconnectionString = "DRIVER={PostgreSQL};PWD={str1ng-secret};"\n'
        : `[database]\nhost = "db"\ndatabase = "acd"\nuser = "u"\npasswordFile = "${passwordFile}"\n`,
    });
    const archive = join(installation.folder, "support.tar.gz");
    const child = installation.start(["support", "--config", installation.configFile, "--output", archive], {
      https_proxy: "http://ann:pr0xy-p%40ss@127.0.0.1:9",
    });
    const { code, stderr } = await child.output();
    const err = new TextDecoder().decode(stderr);
    assertEquals(code, 1);
    assertMatch(err, /logs\/injixo-cloud-link\.log, line \d: /);
    for (const secret of [keyPart, "pr0xy", "k3pt", "str1ng"]) {
      assert(!err.includes(secret), "the message has the secret");
    }
    assertEquals(await Deno.stat(archive).catch(() => undefined), undefined);
    await Deno.remove(passwordFile);
  });
}

for (
  const [what, toml, log] of [
    ["the password of a proxy that does not count", "", "cr3dential-proxy"],
    [
      "a token in a connection string",
      '[database]\nconnectionString = "DSN=acd;AccessToken={t0k;en-value}"\n',
      "t0k;en-value",
    ],
  ] as const
) {
  Deno.test(`support refuses to write ${what}`, async () => {
    await using installation = await makeInstallation({ toml, log: `2025 INFO  cloud-link: oops ${log}\n` });
    const credentials = join(installation.folder, "credentials");
    await Deno.mkdir(credentials);
    await Deno.writeTextFile(join(credentials, "https_proxy"), "http://ann:cr3dential-proxy@127.0.0.1:9\n");
    const archive = join(installation.folder, "support.tar.gz");
    const child = installation.start(["support", "--config", installation.configFile, "--output", archive], {
      https_proxy: "http://127.0.0.1:9",
      CREDENTIALS_DIRECTORY: credentials,
    });
    const { code, stderr } = await child.output();
    const err = new TextDecoder().decode(stderr);
    assertEquals(code, 1);
    assertMatch(err, /logs\/injixo-cloud-link\.log, line 1: /);
    assert(!err.includes(log), "the message has the secret");
  });
}

for (
  const [what, { toml, error, secret }] of [
    ["is no TOML", { toml: "[upload\n", error: /line \d: /, secret: keyPart }],
    ["has an unknown key", {
      toml: '[app]\nnmae = "x"\n[database]\nconnectionString = "DSN=acd;PWD=str1ng-secret"\n',
      error: /nmae: unknown key/,
      secret: "str1ng-secret",
    }],
  ] as const
) {
  Deno.test(`support works with a configuration that ${what}, and still searches for the secrets it knows`, async () => {
    await using installation = await makeInstallation({ toml });
    const archive = join(installation.folder, "support.tar.gz");
    const support = () => installation.run("support", "--config", installation.configFile, "--output", archive);
    const { code, out, err } = await support();
    assertEquals([code, err], [0, ""]);
    assertMatch(out, /config-error\.txt says why/);
    const files = await unpack(archive);
    assertMatch(files.get("config-error.txt") ?? "", error);
    assertMatch(files.get("check.txt") ?? "", /FAILED {2}Configuration/);
    assertMatch(files.get("logs/injixo-cloud-link.log") ?? "", /starts/);
    assert(!files.has("config.toml"));
    await Deno.writeTextFile(join(installation.folder, "injixo-cloud-link.log"), `2025 INFO  cloud-link: ${secret}\n`);
    const refused = await support();
    assertEquals(refused.code, 1);
    assertMatch(refused.err, /injixo-cloud-link\.log, line 1: /);
  });
}

Deno.test("support neither writes through a link that lies where the archive goes, nor replaces it", async () => {
  await using installation = await makeInstallation();
  const victim = join(installation.folder, "victim");
  await Deno.writeTextFile(victim, "untouched");
  const archive = join(installation.folder, "support.tar.gz");
  await Deno.symlink(victim, archive);
  const ran = await installation.run("support", "--config", installation.configFile, "--output", archive);
  assertEquals(ran.code, 1);
  assertMatch(ran.err, /Cannot write ".*support\.tar\.gz": there is a link of that name\. Give --output another name/);
  assertEquals(await Deno.readTextFile(victim), "untouched");
  assert((await Deno.lstat(archive)).isSymlink);
  await Deno.remove(archive);
  await Deno.symlink(victim, `${archive}.part`);
  assertEquals((await installation.run("support", "--config", installation.configFile, "--output", archive)).code, 0);
  assertEquals(await Deno.readTextFile(victim), "untouched");
  assert((await unpack(archive)).has("status.txt"));
});

Deno.test("support works without a finished state, and says how to be rid of a damaged one", async () => {
  await using installation = await Installation.make(hub);
  const database = join(installation.folder, "state", "state.db");
  await Deno.mkdir(join(installation.folder, "state"));
  await Deno.writeTextFile(database, "");
  const support = () => installation.run("support", "--config", installation.configFile, "--output", "support.tar.gz");
  assertEquals((await support()).code, 0);
  await Deno.writeTextFile(database, "no database".repeat(1000));
  const { code, err } = await support();
  assertEquals(code, 1);
  assertMatch(
    err,
    /the state: The state database is damaged: .*\. Start the agent, which sets a damaged state aside, then try again$/m,
  );
  assert(!err.includes("sudo"), err);
});

Deno.test("support that is ended by Ctrl-C writes no archive", async () => {
  using silentHub = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using installation = await Installation.make(`[hub]\nurl = "http://127.0.0.1:${silentHub.addr.port}"\n`);
  const archive = join(installation.folder, "support.tar.gz");
  const child = installation.start(["support", "--config", installation.configFile, "--output", archive]);
  using _connection = await silentHub.accept(); // from `check`, which it runs
  child.kill("SIGINT");
  assertEquals((await child.output()).code, 130);
  assertEquals(await Deno.stat(archive).catch(() => undefined), undefined);
});

Deno.test("support masks what looks like a token", async () => {
  await using installation = await makeInstallation({ log: "2025 INFO  x: authorization: Bearer abcdefghijklmnop\n" });
  const archive = join(installation.folder, "support.tar.gz");
  assertEquals((await installation.run("support", "--config", installation.configFile, "--output", archive)).code, 0);
  assert(!(await unpack(archive)).get("logs/injixo-cloud-link.log")?.includes("abcdefghijklmnop"));
});
