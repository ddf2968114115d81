/** Where installations and import folders may lie, and whose they may be. */
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { defaultName, InstalledFolder, property, startBox, startBoxWithHub } from "./installed.ts";

const hub8080 = '[hub]\nurl = "http://127.0.0.1:8080"\n';

Deno.test("a folder in a home that nobody else may enter works, and another import folder needs a restart only", async () => {
  await using started = await startBoxWithHub();
  const { box, hub } = started;
  await box.sh("useradd --create-home karl && chmod 700 /home/karl");
  const installation = await InstalledFolder.make(box, "/home/karl/cloud link", { toml: hub8080 });
  await box.sh('chown -R karl: "/home/karl/cloud link"');
  await installation.done("service", "install");
  await installation.done("service", "start");
  const integration = await hub.addIntegration();
  await installation.linkTo(hub, integration);
  await box.sh('setpriv --reuid=karl --regid=karl --clear-groups sh -c "echo 1 >\\"/home/karl/cloud link/home.csv\\""');
  await hub.waitForFiles(integration, ["home.csv"]);

  await box.sh("mkdir /srv/exports && echo 2 >/srv/exports/exported.csv");
  await installation.configure(`[app]\nimportDirectory = "/srv/exports"\n${hub8080}`);
  await installation.done("service", "restart");
  await hub.waitForFiles(integration, ["exported.csv"]);

  // An import folder in a home that is hidden: the message says what to do, and doing it helps.
  await box.sh("mkdir /home/karl/exports && echo 3 >/home/karl/exports/hidden.csv");
  await installation.configure(`[app]\nimportDirectory = "/home/karl/exports"\n${hub8080}`);
  await installation.done("service", "restart");
  const check = await installation.command("check");
  assertEquals(check.code, 1);
  assertMatch(check.printed, /Import folder[\s\S]*sees nothing of "\/home" but its own folder[\s\S]*service install/);
  await installation.done("service", "install");
  await installation.done("service", "restart");
  await hub.waitForFiles(integration, ["hidden.csv"]);
});

Deno.test("an import folder that the service's user may not read is named at the start and by check", async () => {
  await using started = await startBoxWithHub();
  const { box } = started;
  await box.sh("mkdir -p /srv/private/exports && chmod 700 /srv/private");
  const toml = `[app]\nimportDirectory = "/srv/private/exports"\n${hub8080}`;
  const installation = await InstalledFolder.make(box, "/opt/cloud-link", { toml });
  const missing = /user "injixo-cloud-link" may not pass through "\/srv\/private"/;
  assertMatch(await installation.done("service", "install"), missing);
  await installation.done("service", "start");
  assertMatch(await installation.log(), missing);
  const check = await installation.command("check");
  assertEquals(check.code, 1);
  assertMatch(check.printed, missing);
  await box.sh("chmod o+x /srv/private");
  assertMatch((await installation.command("check")).printed, /ok +Import folder/);
});

Deno.test("a folder above the installation that the service's user may not pass is named by install, start and status", async () => {
  await using box = await startBox();
  await box.sh("mkdir -m 700 /srv/private");
  const installation = await InstalledFolder.make(box, "/srv/private/cloud-link");
  const missing = /the user "injixo-cloud-link" may not pass through "\/srv\/private".*setfacl/;
  assertMatch(await installation.done("service", "install"), missing);
  const start = await installation.command("service", "start");
  assertEquals(start.code, 1);
  assertMatch(start.printed, missing);
  assertMatch((await installation.command("service", "status")).printed, /^Failed +\S.*Permission denied/m);
  await box.sh("chmod o+x /srv/private");
  await installation.done("service", "start");
  await installation.done("service", "uninstall");
});

Deno.test("root does not run the agent beside the service, and what root has left there does not keep it from starting", async () => {
  await using box = await startBox();
  const installation = await InstalledFolder.make(box, "/opt/cloud-link");
  await installation.done("service", "install");
  for (const command of ["run", "pin"]) {
    const refused = await box.run(["timeout", "60", "/opt/cloud-link/injixo-cloud-link", command]);
    assertEquals(refused.code, 1, command);
    assertMatch(refused.printed, /Cannot run the agent as root.*user "injixo-cloud-link".*service start/);
  }
  assertEquals((await box.run(["test", "-e", "/opt/cloud-link/state"])).code, 1);
  await installation.done("service", "start");
  const linked = "/opt/cloud-link/injixo-cloud-link.2025-01-01.log";
  await box.sh(`chown -R root: /opt/cloud-link/state /opt/cloud-link/*.log && ln -s /etc/machine-id ${linked}`);
  await installation.done("service", "restart");
  assertEquals(await property(box, "ActiveState"), "active");
  assertMatch(await box.sh("stat -c %U /opt/cloud-link/state/state.db"), /^injixo-cloud-link/);
  assertMatch(await box.sh("stat -c %U /etc/machine-id"), /^root/);
});

Deno.test("a user who runs the agent beside the service is told to start the service; without one, whose the folder must be", async () => {
  await using box = await startBox();
  await box.sh("useradd --create-home karl");
  const run = "setpriv --reuid=karl --regid=karl --clear-groups env -u USER timeout 60 ./injixo-cloud-link run";
  const served = await InstalledFolder.make(box, "/opt/cloud-link");
  await served.done("service", "install");
  await served.done("service", "start");
  const beside = await box.run(["sh", "-c", `cd /opt/cloud-link && ${run}`]);
  assertEquals(beside.code, 4);
  assertMatch(beside.printed, /it is a service there, of the user "injixo-cloud-link".*sudo .*service start/);
  await InstalledFolder.make(box, "/opt/other");
  const foreign = await box.run(["sh", "-c", `cd /opt/other && ${run}`]);
  assertEquals(foreign.code, 1);
  const [, command = ""] = /: (sudo chown -R \d+ "\/opt\/other")\n/.exec(foreign.printed) ?? [];
  await box.sh(command.replace("sudo ", ""));
  await box.sh("systemd-run --uid=karl /opt/other/injixo-cloud-link run");
  await box.waitFor("cat /opt/other/injixo-cloud-link.log", /starts in \/opt\/other/);
});

Deno.test("support in a folder of somebody else's says to write the archive elsewhere", async () => {
  await using box = await startBox();
  await box.sh("useradd --create-home karl");
  await InstalledFolder.make(box, "/opt/other");
  const support = "setpriv --reuid=karl --regid=karl --clear-groups ./injixo-cloud-link support";
  const denied = await box.run(["sh", "-c", `cd /opt/other && ${support}`]);
  assertEquals(denied.code, 1);
  assertMatch(denied.printed, /Cannot write "\/opt\/other\/.*tar\.gz": this user may not.*\. Give --output/);
  await box.sh(`cd /opt/other && ${support} --output /home/karl/support.tar.gz`);
});

Deno.test("--user runs the service as somebody else, and a state of another user's is taken over", async () => {
  await using started = await startBoxWithHub();
  const { box, hub } = started;
  await box.sh("useradd --create-home acd");
  const installation = await InstalledFolder.make(box, "/opt/cloud-link", { toml: hub8080 });
  assertMatch((await installation.command("service", "install", "--user", "nobody-there")).printed, /there is no user/);
  await installation.done("service", "install");
  await installation.done("service", "start");
  const integration = await hub.addIntegration();
  await installation.linkTo(hub, integration);
  await installation.done("service", "install", "--user", "acd");
  await installation.done("service", "restart");
  assertEquals(await property(box, "User"), "acd");
  assertMatch(await box.sh("stat -c %U /opt/cloud-link/state/state.db"), /^acd/);
  await installation.drop("as-acd.csv");
  await hub.waitForFiles(integration, ["as-acd.csv"]);
  await installation.done("service", "uninstall");
  assertEquals((await box.run(["getent", "passwd", "acd"])).code, 0);
});

Deno.test("uninstall restores the rights that the folder had before it was installed under another name", async () => {
  await using box = await startBox();
  const installation = await InstalledFolder.make(box, "/opt/cloud-link");
  const rights = () => box.sh("stat -c '%n %a %U %G' /opt/cloud-link /opt/cloud-link/injixo-cloud-link*");
  const before = await rights();
  await installation.done("service", "install");
  await installation.configure('[app]\nname = "renamed"\n');
  assertMatch(await installation.done("service", "install"), /Removed the service "com\.injixo\.cloud-link"/);
  await installation.done("service", "uninstall");
  assertEquals(await rights(), before);
});

Deno.test("a folder that a group shares stays as it is, and the service joins the group", async () => {
  await using started = await startBoxWithHub();
  const { box } = started;
  await box.sh("groupadd exporters && mkdir /srv/shared && chgrp exporters /srv/shared && chmod 2775 /srv/shared");
  const installation = await InstalledFolder.make(box, "/srv/shared", { toml: hub8080 });
  await installation.done("service", "install");
  await installation.done("service", "start");
  assertMatch(await box.sh("stat -c '%a %G' /srv/shared"), /^2775 exporters/);
  assertEquals(await property(box, "ActiveState"), "active");
});

Deno.test("a folder that is not the installation's alone is refused before anything is changed, and whoever loses rights is named", async () => {
  await using box = await startBox();
  await box.sh("useradd --create-home karl && useradd --create-home acd && groupadd admins");
  for (
    const [folder, reason] of [
      ["/home/karl", /"\/home\/karl", and it is a user's home folder[\s\S]*sudo mkdir \/opt\/injixo-cloud-link/],
      ["/usr/local/bin", /"\/usr\/local\/bin", and it belongs to the system/],
      ["/opt", /"\/opt", and it belongs to the system/],
      ["/srv/o'brien", /no quotation mark.*o'brien/],
      ["/srv/a\\b", /no quotation mark/],
    ] as const
  ) {
    const installation = await InstalledFolder.make(box, folder);
    const before = await box.sh(`stat -c '%a %u %g' "${folder}"`);
    const refused = await installation.command("service", "install");
    assertEquals(refused.code, 1, folder);
    assertMatch(refused.printed, reason);
    assertEquals(await box.sh(`stat -c '%a %u %g' "${folder}"`), before);
  }
  assertEquals((await box.run(["getent", "passwd", "injixo-cloud-link"])).code, 2);

  const own = await InstalledFolder.make(box, "/home/acd");
  await own.done("service", "install", "--user", "acd");
  await own.done("service", "uninstall");

  const shared = await InstalledFolder.make(box, "/opt/cloud-link");
  await box.sh("cd /opt/cloud-link && chgrp admins . *.toml && chmod 750 . && chmod 640 *.toml");
  const said = await shared.done("service", "install");
  assertMatch(said, /"\/opt\/cloud-link" is now "injixo-cloud-link": members of "admins".*setfacl/);
  assertMatch(said, /injixo-cloud-link\.toml" is now "injixo-cloud-link": members of "admins"/);
  await shared.done("service", "uninstall");
  assertMatch(await box.sh("cd /opt/cloud-link && stat -c '%a %G' . *.toml"), /^750 admins\n640 admins\n$/);
});

for (
  const [place, file, text] of [
    ["/etc/environment", "/etc/environment", 'https_proxy="http://ann:s3cr3t-pass@127.0.0.1:3128"\n'],
    [
      "/etc/profile.d",
      "/etc/profile.d/proxy.sh",
      "host=127.0.0.1\nexport https_proxy=http://ann:s3cr3t-pass@$host:3128\n",
    ],
  ] as const
) {
  Deno.test(`the proxy of ${place} reaches the service, and check shows where it is from`, async () => {
    await using started = await startBoxWithHub();
    const { box } = started;
    await box.write(file, text);
    await startProxy(box);
    const installation = await InstalledFolder.make(box, "/opt/cloud-link", {
      toml: '[hub]\nurl = "https://hub.example"\n',
    });
    await installation.done("service", "install");
    await installation.done("service", "start");
    await box.waitFor("cat /var/tmp/proxy.log", /CONNECT hub\.example:443/);
    const { printed } = await installation.command("check");
    assertMatch(printed, new RegExp(`Proxy .*127\\.0\\.0\\.1:3128[\\s\\S]*https_proxy in ${place}`));
    assert(!printed.includes("s3cr3t-pass") && !(await installation.log()).includes("s3cr3t-pass"));
  });
}

Deno.test("the proxy can come as a credential that nobody else may read", async () => {
  await using started = await startBoxWithHub();
  const { box } = started;
  await startProxy(box);
  const installation = await InstalledFolder.make(box, "/opt/cloud-link", {
    toml: '[hub]\nurl = "https://hub.example"\n',
  });
  await installation.done("service", "install");
  await box.sh(`mkdir -p /etc/injixo-cloud-link /etc/systemd/system/${defaultName}.service.d`);
  await box.write("/etc/injixo-cloud-link/https_proxy", "http://ann:s3cr3t-pass@127.0.0.1:3128\n");
  await box.sh("chmod 600 /etc/injixo-cloud-link/https_proxy");
  await box.write(
    `/etc/systemd/system/${defaultName}.service.d/proxy.conf`,
    "[Service]\nLoadCredential=https_proxy:/etc/injixo-cloud-link/https_proxy\n",
  );
  await box.sh("systemctl daemon-reload");
  await installation.done("service", "start");
  await box.waitFor("cat /var/tmp/proxy.log", /CONNECT hub\.example:443/);
  assertMatch((await installation.command("check")).printed, /https_proxy in the service's credentials/);

  // The archive for whoever helps has no password of a proxy, wherever systemd has it from and whether or not it runs.
  await installation.done("service", "stop");
  await box.write(
    `/etc/systemd/system/${defaultName}.service.d/second.conf`,
    '[Service]\nEnvironment=A=1 "https_proxy=http://ann:0ther-pass@127.0.0.1:3128"\n',
  );
  await box.sh("systemctl daemon-reload");
  for (const password of ["s3cr3t-pass", "0ther-pass"]) {
    await box.sh(`echo ${password} >/opt/cloud-link/injixo-cloud-link.log`);
    const refused = await installation.command("support");
    assertEquals(refused.code, 1);
    assertMatch(refused.printed, /injixo-cloud-link\.log, line 1: a proxy's password/);
  }
});

/** A proxy that lets everybody in and writes down who is asked for. */
async function startProxy(box: import("./box.ts").Box): Promise<void> {
  await box.write(
    "/etc/tinyproxy-test.conf",
    'Port 3128\nListen 127.0.0.1\nTimeout 5\nLogFile "/var/tmp/proxy.log"\nLogLevel Connect\nBasicAuth ann s3cr3t-pass\n',
  );
  await box.sh("systemd-run --quiet --unit=proxy tinyproxy -d -c /etc/tinyproxy-test.conf");
  await box.waitFor("ss -ltn", /:3128/);
}
