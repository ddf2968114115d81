import { join } from "node:path";
import type { ProfileLimits } from "../../src/service/profile_scripts.ts";
import { findProxyVariables, linuxPlaces, type ProxyVariableName } from "../../src/service/proxy_variables.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { eventually } from "../eventually.ts";

async function find(
  files: {
    environment?: string;
    profile?: Record<string, string>;
    process?: Partial<Record<ProxyVariableName, string>>;
    limits?: ProfileLimits;
  },
) {
  const folder = await Deno.makeTempDir();
  try {
    const environmentFile = join(folder, "environment");
    const profileFolder = join(folder, "profile.d");
    await Deno.mkdir(profileFolder);
    if (files.environment !== undefined) await Deno.writeTextFile(environmentFile, files.environment);
    for (const [name, text] of Object.entries(files.profile ?? {})) {
      await Deno.writeTextFile(join(profileFolder, name), text);
    }
    const { variables, origin, troubles } = await findProxyVariables(
      linuxPlaces((name) => files.process?.[name], {
        environmentFile,
        profileFolder,
        profileLimits: files.limits ?? {},
      }),
    );
    return {
      variables,
      origin: origin?.replace(folder, ""),
      troubles: troubles.map((trouble) => trouble.replaceAll(`${profileFolder}/`, "")),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the process's own environment comes before the files", async () => {
  const found = await find({
    process: { https_proxy: "http://own" },
    environment: "https_proxy=http://file\nno_proxy=a.example\n",
  });
  assertEquals(found, { variables: { https_proxy: "http://own" }, origin: "the environment", troubles: [] });
});

Deno.test("a proxy in /etc/environment is found, quoted or exported", async () => {
  const found = await find({
    environment: "LANG=C\nexport https_proxy='http://u:p@proxy:8080'\r\nno_proxy=\"x, y\"\n",
  });
  assertEquals(found, {
    variables: { https_proxy: "http://u:p@proxy:8080", no_proxy: "x, y" },
    origin: "/environment",
    troubles: [],
  });
});

Deno.test("a proxy set by a script in /etc/profile.d is found, computed values too", async () => {
  const found = await find({
    profile: {
      "a.sh": "echo noise; proxy_host=proxy.example\n",
      "b.sh": 'export https_proxy="http://$proxy_host:3128"\nexport NO_PROXY=localhost\n',
      "c.txt": "export https_proxy=http://wrong\n",
    },
  });
  assertEquals(found, {
    variables: { https_proxy: "http://proxy.example:3128", NO_PROXY: "localhost" },
    origin: "/profile.d",
    troubles: [],
  });
});

const patient: ProfileLimits = { scriptTimeoutMs: 60_000, timeoutMs: 60_000 };

for (
  const [what, script, trouble] of [
    ["exits", "NO_PROXY=kept; exit 3", /^"b\.sh" left the shell/],
    ["fails after set -e", "NO_PROXY=kept; set -eu; false; NO_PROXY=lost", /^"b\.sh" left the shell/],
    ["replaces its shell", "exec true", /^"b\.sh" ended the shell/],
    ["kills its shell", "kill -9 $BASHPID", /^"b\.sh" ended the shell/],
    ["has a syntax error", "NO_PROXY=kept\nif then", /^"b\.sh" is not valid for bash.*bash -n "b\.sh"/],
  ] as const
) {
  Deno.test(`a script that ${what} hides nothing that others set, and is named`, async () => {
    const { variables, troubles } = await find({
      profile: {
        "a.sh": "names=(proxy.example); https_proxy=http://first\n",
        "b.sh": `${script}\n`,
        "c.sh": "https_proxy=http://${names[0]}:3128\n",
      },
      limits: patient,
    });
    const kept = script.includes("kept") ? { NO_PROXY: "kept" } : {};
    assertEquals(variables, { https_proxy: "http://proxy.example:3128", ...kept });
    assertEquals(troubles.length, 1);
    assertMatch(troubles[0] ?? "", trouble);
  });
}

Deno.test("scripts in bash's own language are read, and one whose last command fails is no trouble", async () => {
  const found = await find({
    profile: {
      "a.sh": 'declare -A hosts=([main]=proxy.example); declare -x https_proxy="http://${hosts[main]}"; set -- a b\n',
      "b.sh": "return 0; https_proxy=http://wrong\n",
      "c.sh": '[ -n "$SOMETHING" ] && echo\n',
    },
    limits: patient,
  });
  assertEquals(found, { variables: { https_proxy: "http://proxy.example" }, origin: "/profile.d", troubles: [] });
});

Deno.test("a process that a script leaves behind does not hold up the others, and ends", async () => {
  const pidFile = await Deno.makeTempFile();
  try {
    const found = await find({
      profile: { "a.sh": `sleep 600 &\necho $! >${pidFile}\n`, "b.sh": "https_proxy=http://b\n" },
      limits: patient,
    });
    assertEquals(found, { variables: { https_proxy: "http://b" }, origin: "/profile.d", troubles: [] });
    const pid = (await Deno.readTextFile(pidFile)).trim();
    await eventually(async () => !await isRunning(pid), { what: "what the script left behind to end" });
  } finally {
    await Deno.remove(pidFile);
  }
});

/** Not as a zombie, which somebody has yet to bury. */
async function isRunning(pid: string): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return /\) [^ZX] /.test(stat);
}

Deno.test("a script that waits is stopped and named, and those after it are read", async () => {
  const found = await find({
    profile: {
      "a.sh": "https_proxy=http://a\n",
      "b.sh": "no_proxy=b; sleep 600; https_proxy=http://wrong\n",
      "c.sh": "NO_PROXY=c\n",
    },
    limits: { scriptTimeoutMs: 20_000, timeoutMs: 300_000 },
  });
  assertEquals(found.variables, { https_proxy: "http://a", NO_PROXY: "c" });
  assertEquals(found.troubles.length, 1);
  assertMatch(found.troubles[0] ?? "", /^"b\.sh" was stopped after 20 s/);
});

Deno.test("however many scripts wait, there is an end, and what was set before counts", async () => {
  const found = await find({
    profile: { "a.sh": "https_proxy=http://a\n", "b.sh": "sleep 600\n" },
    limits: { scriptTimeoutMs: 300_000, timeoutMs: 20_000 },
  });
  assertEquals(found.variables, { https_proxy: "http://a" });
  assert(found.troubles.some((trouble) => trouble.includes("took more than 20 s")));
});

Deno.test("without a proxy anywhere there is none", async () => {
  assertEquals(await find({}), { variables: {}, origin: undefined, troubles: [] });
});
