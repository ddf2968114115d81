import { join } from "node:path";
import { findProxyVariables, linuxPlaces, type ProxyVariableName } from "../../src/service/proxy_variables.ts";
import { assertEquals } from "../assert.ts";

async function find(
  files: {
    environment?: string;
    profile?: Record<string, string>;
    process?: Partial<Record<ProxyVariableName, string>>;
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
    const { variables, origin } = await findProxyVariables(
      linuxPlaces((name) => files.process?.[name], { environmentFile, profileFolder }),
    );
    return { variables, origin: origin?.replace(folder, "") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the process's own environment comes before the files", async () => {
  const found = await find({
    process: { https_proxy: "http://own" },
    environment: "https_proxy=http://file\nno_proxy=a.example\n",
  });
  assertEquals(found, { variables: { https_proxy: "http://own" }, origin: "the environment" });
});

Deno.test("a proxy in /etc/environment is found, quoted or exported", async () => {
  const found = await find({
    environment: "LANG=C\nexport https_proxy='http://u:p@proxy:8080'\r\nno_proxy=\"x, y\"\n",
  });
  assertEquals(found, {
    variables: { https_proxy: "http://u:p@proxy:8080", no_proxy: "x, y" },
    origin: "/environment",
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
  });
});

Deno.test("a script that exits or fails hides nothing that was set before it", async () => {
  const found = await find({ profile: { "a.sh": "https_proxy=http://a\n", "b.sh": "false; exit 3\n" } });
  assertEquals(found.variables, { https_proxy: "http://a" });
});

Deno.test("without a proxy anywhere there is none", async () => {
  assertEquals(await find({}), { variables: {}, origin: undefined });
});
