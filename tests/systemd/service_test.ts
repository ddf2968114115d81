/** The service on a real systemd, as the manual installs it. */
import { assert, assertEquals, assertMatch } from "../assert.ts";
import type { Box } from "./box.ts";
import { makePackage } from "../../systemd/package.ts";
import { ReadmeCommands } from "./readme_commands.ts";
import { defaultName, InstalledFolder, program, property, startBox, startBoxWithHub } from "./installed.ts";

const hubToml = '[hub]\nurl = "http://127.0.0.1:8080"\n';
const unitFile = `/etc/systemd/system/${defaultName}.service`;

Deno.test("unpack, install, start, pin, Connect: a saved file arrives; uninstalling keeps data, log and configuration", async () => {
  await using archive = await packedArchive();
  await using started = await startBoxWithHub([archive.folder]);
  const { box, hub } = started;
  const readme = new ReadmeCommands();
  const installation = new InstalledFolder(box, "/opt/injixo-cloud-link");
  await box.sh(`cd ${archive.folder} && sha256sum --check *.sha256`);
  await box.sh(`cd ${archive.folder} && ${readme.take(/mkdir/)} && ${readme.take(/tar/)}`);
  const type = (pattern: RegExp) => box.sh(`cd "${installation.folder}" && ${readme.take(pattern)} 2>&1`);
  await installation.configure(hubToml);
  const modeBefore = await box.sh(`stat -c '%a %u %g' "${installation.folder}"`);
  assertMatch(await type(/check$/), /ok +Hub/);
  assertMatch(await type(/service install$/), /Created the user "injixo-cloud-link"/);
  assertMatch(await type(/service start$/), /runs\./);
  const integration = await hub.addIntegration("ACD");
  const shown = box.sh(`cd "${installation.folder}" && ${readme.take(/pin$/)} >/root/pin.txt 2>&1`);
  const [, pin = ""] = await box.waitFor("cat /root/pin.txt", /Enter your pin: (\d{6})/);
  await hub.connect(integration, pin);
  await shown;
  assertMatch(await box.sh("cat /root/pin.txt"), /Linked to the integration "ACD"/);
  await installation.drop("calls.csv");
  await hub.waitForFiles(integration, ["calls.csv"]);
  await box.waitFor(
    `systemctl status ${defaultName} --no-pager`,
    /Status: "Linked to the integration "ACD".*calls\.csv"/,
  );

  const status = await installation.done("service", "status");
  assertMatch(status, /active \(running\) since \d{4}-/);
  assertMatch(status, /Link +integration "ACD"/);
  assertMatch(status, /Last import +\d{4}.*calls\.csv/);
  assertMatch(status, /Last error/);

  assertMatch(
    await installation.done("support", "--output", "/root/support.tar.gz"),
    /Wrote "\/root\/support\.tar\.gz"/,
  );
  assertMatch(await box.sh("tar -xzOf /root/support.tar.gz support/service.txt"), /active \(running\)/);

  // Another version.
  const configuration = await box.sh(`cat "${installation.folder}/injixo-cloud-link.toml"`);
  await box.sh(`cd ${archive.folder} && ${readme.take(/tar/)}`);
  assertEquals(await box.sh(`cat "${installation.folder}/injixo-cloud-link.toml"`), configuration);
  await type(/service restart$/);
  assertEquals(readme.left(), []);

  const unit = await box.sh(`cat ${unitFile}`);
  assertMatch(await installation.done("service", "install"), /is already installed/);
  assertEquals(await box.sh(`cat ${unitFile}`), unit);
  assertEquals(await property(box, "ActiveState"), "active");

  assertMatch(await installation.done("service", "uninstall"), /Removed the user "injixo-cloud-link"/);
  assertEquals((await box.run(["test", "-e", unitFile])).code, 1);
  assertEquals((await box.run(["getent", "passwd", "injixo-cloud-link"])).code, 2);
  assertEquals(await property(box, "LoadState"), "not-found");
  assertEquals(await box.sh(`stat -c '%a %u %g' "${installation.folder}"`), modeBefore);
  const left = await box.sh(`ls "${installation.folder}"`);
  for (const name of ["calls.csv", "injixo-cloud-link", "injixo-cloud-link.log", "injixo-cloud-link.toml", "state"]) {
    assert(left.split("\n").includes(name), `${name} is gone`);
  }
  assertMatch(await installation.done("service", "uninstall"), /No service is installed/);

  // What was kept is taken up again.
  await installation.done("service", "install");
  await installation.done("service", "start");
  await installation.drop("later.csv");
  await hub.waitForFiles(integration, ["later.csv"]);
});

Deno.test("install, start, status and uninstall work with a systemctl as old as RHEL 8's", async () => {
  await using box = await startBox();
  const installation = await InstalledFolder.make(box, "/opt/cloud-link");
  await box.write("/usr/local/sbin/systemctl", systemctl239);
  await box.sh("chmod 755 /usr/local/sbin/systemctl && ln -sf /usr/share/zoneinfo/Asia/Kolkata /etc/localtime");
  await installation.done("service", "install");
  await installation.done("service", "start");
  const { service } = JSON.parse(await installation.done("service", "status", "--json"));
  assertEquals(service.state, "running");
  const ageMs = Number(await box.sh("date +%s")) * 1000 - Date.parse(service.since);
  assert(ageMs >= 0 && ageMs < 30 * 60_000, `since ${service.since}`);
  await installation.done("service", "restart");
  await installation.done("service", "uninstall");
});

Deno.test("uninstall removes a unit that systemd cannot load, and one whose folder has gone", async () => {
  await using box = await startBox();
  const installation = await InstalledFolder.make(box, "/opt/cloud-link");
  await installation.done("service", "install");
  await installation.done("service", "start");
  const unit = await box.sh(`cat ${unitFile}`);
  await box.write(unitFile, unit.replace(/^ExecStart=.*$/m, `ExecStart="/opt/o'brien/agent" run`));
  await box.sh("systemctl daemon-reload");
  assertEquals(await property(box, "LoadState"), "bad-setting");
  assertMatch(await installation.done("service", "uninstall"), /Stopped and removed[\s\S]*Removed the user/);
  assertEquals(await property(box, "LoadState"), "not-found");
  assertEquals((await box.run(["pgrep", "-f", "cloud-link run"])).code, 1);
  assertEquals((await box.run(["find", "/etc/systemd/system", "-name", `${defaultName}*`])).printed, "");

  await installation.done("service", "install");
  await box.sh("mv /opt/cloud-link /opt/moved");
  const moved = new InstalledFolder(box, "/opt/moved");
  assertMatch((await moved.command("service", "start")).printed, /Cannot start the service .* it is not installed/);
  assertMatch(
    await moved.done("service", "uninstall"),
    /belonged to the folder "\/opt\/cloud-link", which no longer exists/,
  );
  assertEquals(await property(box, "LoadState"), "not-found");
});

Deno.test("a copied folder is refused until it has a name of its own, then runs beside the first with a PIN of its own", async () => {
  await using started = await startBoxWithHub();
  const { box, hub } = started;
  const first = await InstalledFolder.make(box, "/opt/first", { toml: hubToml });
  await first.done("service", "install");
  await first.done("service", "start");
  const integration = await hub.addIntegration("First");
  await first.linkTo(hub, integration);

  await box.sh("cp -r /opt/first /opt/second");
  const second = new InstalledFolder(box, "/opt/second");
  const refused = await second.command("service", "install");
  assertEquals(refused.code, 1);
  assertMatch(refused.printed, /belongs to the installation in "\/opt\/first"/);
  assertMatch(
    refused.printed,
    /naam.*\[app\].*\/opt\/second\/injixo-cloud-link\.toml.*com\.injixo\.cloud-link\.instance\.1/,
  );
  for (const act of ["start", "stop", "restart", "uninstall"]) {
    const { code, printed } = await second.command("service", act);
    assertEquals(code, 1, act);
    assertMatch(printed, new RegExp(`Cannot ${act === "restart" ? "start" : act} the service .*belongs to .*first`));
  }
  assertMatch((await second.command("service", "status")).printed, /the name belongs to "\/opt\/first"/);
  assertEquals(await property(box, "ActiveState"), "active");

  await second.configure(`[app]\nnaam = "${defaultName}.instance.1"\n${hubToml}`);
  await second.done("service", "install");
  await second.done("service", "start");
  assertEquals(await property(box, "ActiveState", `${defaultName}.instance.1`), "active");
  assertMatch(await second.log(), /Not using the state found in \/opt\/second\/state/);
  const other = await hub.addIntegration("Second");
  await second.linkTo(hub, other);
  await second.drop("second.csv");
  await hub.waitForFiles(other, ["second.csv"]);
  await first.drop("first.csv");
  await hub.waitForFiles(integration, ["first.csv"]);
  assertEquals((await hub.imports(integration)).length, 1);

  await second.configure(`[app]\nname = "${defaultName}.other"\n${hubToml}`);
  assertMatch(await second.done("service", "install"), /Removed the service ".*\.instance\.1", which this folder had/);
  await second.done("service", "uninstall");
  assertEquals(await property(box, "ActiveState"), "active");
  assertEquals((await box.run(["getent", "passwd", "injixo-cloud-link"])).code, 0);
});

Deno.test("a killed, a stopped and a hanging agent are started again by systemd", async () => {
  await using started = await startBoxWithHub();
  const { box, hub } = started;
  const installation = await InstalledFolder.make(box, "/opt/cloud-link", { toml: hubToml });
  await installation.done("service", "install");
  await hurry(box);
  await installation.done("service", "start");
  const integration = await hub.addIntegration();
  await installation.linkTo(hub, integration);

  let before = await property(box, "MainPID");
  const again = async () => {
    const pid = await box.waitFor(
      `systemctl show --property=MainPID,ActiveState,SubState ${defaultName}.service | tr '\\n' ' '`,
      new RegExp(`MainPID=(?!${before} |0 )(\\d+) ActiveState=active SubState=running`),
    );
    before = pid[1] ?? "";
  };
  await box.sh(`kill -9 ${before}`);
  await again();
  await installation.drop("killed.csv");
  await hub.waitForFiles(integration, ["killed.csv"]);

  await box.sh(`kill -STOP ${before}`);
  await again();
  await installation.drop("stopped.csv");
  await hub.waitForFiles(integration, ["stopped.csv"]);

  // The log is written synchronously: a full pipe that nobody reads stops the worker's event loop, and that one alone.
  const log = `${installation.folder}/injixo-cloud-link.log`;
  await box.sh(`mv ${log} ${log}.moved && mkfifo ${log} && chown injixo-cloud-link: ${log}`);
  const keepOpen = "open F, shift; fcntl F, 1031, 4096; sleep 1000"; // F_SETPIPE_SZ
  await box.sh(`systemd-run --quiet --unit=reader perl -e '${keepOpen}' ${log}`);
  const hanging = Array.from({ length: 60 }, (_, index) => `hanging-${index}.csv`);
  await box.sh(`cd ${installation.folder} && for name in ${hanging.join(" ")}; do echo $name >$name; done`);
  await box.waitFor(`journalctl --no-pager -u ${defaultName}`, /Watchdog timeout[\s\S]*Watchdog timeout/);
  await box.sh(`rm ${log} && systemctl stop reader`);
  await again();
  await hub.waitForFiles(integration, hanging);
  assertEquals((await hub.imports(integration)).length, 2 + hanging.length);
});

Deno.test("after a reboot the service runs, is still linked and delivers", async () => {
  await using started = await startBoxWithHub();
  const { box, hub } = started;
  const installation = await InstalledFolder.make(box, "/opt/cloud-link", { toml: hubToml });
  await installation.done("service", "install");
  await installation.done("service", "start");
  const integration = await hub.addIntegration();
  await installation.linkTo(hub, integration);
  await box.reboot();
  await box.waitFor(`systemctl is-active ${defaultName}`, /^active/);
  await hub.restart();
  await installation.drop("rebooted.csv");
  await hub.waitForFiles(integration, ["rebooted.csv"]);
  assert(!(await box.sh(`cat ${installation.folder}/injixo-cloud-link.log`)).includes("Enter your pin"));
});

Deno.test("the sandbox is tight, and program and configuration cannot be changed from inside", async () => {
  await using box = await startBox();
  const installation = await InstalledFolder.make(box, "/opt/cloud-link");
  await installation.done("service", "install");
  await installation.done("service", "start");
  const security = await box.sh(`systemd-analyze security --no-pager ${defaultName}.service`);
  const exposure = Number(/Overall exposure level.*: ([\d.]+)/.exec(security)?.[1]);
  assert(exposure <= 1.5, `exposure is ${exposure}:\n${security}`);
  const inside = `nsenter -t ${await property(box, "MainPID")} -m setpriv --reuid=injixo-cloud-link ` +
    "--regid=injixo-cloud-link --clear-groups sh -c";
  const attempt = async (line: string) => (await box.run(["sh", "-c", `${inside} 'cd /opt/cloud-link && ${line}'`]));
  assertEquals((await attempt("touch written && rm written")).code, 0);
  for (const name of ["injixo-cloud-link", "injixo-cloud-link.toml"]) {
    for (const line of [`echo x >>${name}`, `rm -f ${name}`, `mv ${name} other`, `touch x; mv -f x ${name}`]) {
      assert((await attempt(line)).code !== 0, `the service may: ${line}`);
    }
  }
  assert((await attempt("touch /opt/elsewhere /etc/elsewhere /var/tmp/elsewhere")).code !== 0);
  // Outside of the sandbox, the sticky bit does the same.
  const user = "setpriv --reuid=injixo-cloud-link --regid=injixo-cloud-link --clear-groups";
  assert((await box.run(["sh", "-c", `cd /opt/cloud-link && ${user} mv injixo-cloud-link other`])).code !== 0);
});

Deno.test("who is not root is told to use sudo, and without systemd how to run in the foreground", async () => {
  await using box = await startBox();
  await InstalledFolder.make(box, "/opt/cloud-link");
  const nobody = await box.run([
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "sh",
    "-c",
    "cd /opt/cloud-link && ./injixo-cloud-link service install",
  ]);
  assertEquals(nobody.code, 1);
  assertMatch(
    nobody.printed,
    /only root may do that\. Run: sudo "\/opt\/cloud-link\/injixo-cloud-link" service install/,
  );
  const bare = await box.run([
    "unshare",
    "--mount",
    "sh",
    "-c",
    "mount -t tmpfs tmpfs /run && /opt/cloud-link/injixo-cloud-link service install",
  ]);
  assertEquals(bare.code, 1);
  assertMatch(bare.printed, /not run by systemd[\s\S]*"\/opt\/cloud-link\/injixo-cloud-link" run --config/);
});

Deno.test("a wrong configuration fails the start with its message, and is not tried again", async () => {
  await using box = await startBox();
  const installation = await InstalledFolder.make(box, "/opt/cloud-link");
  await installation.done("service", "install");
  await installation.configure("[app]\nverbos = true\n");
  assertEquals((await installation.command("service", "start")).code, 3);
  await box.run(["systemctl", "start", defaultName]);
  assertEquals(await property(box, "ActiveState"), "failed");
  assertMatch(await box.sh(`journalctl --no-pager -u ${defaultName}`), /Did you mean "verbose"/);
  assertMatch(
    (await installation.command("service", "status")).printed,
    /Did you mean "verbose"[\s\S]*Correct that, then start it: sudo "\/opt\/cloud-link\/injixo-cloud-link" service start/,
  );
});

Deno.test("neither a wrong configuration nor another name keeps the folder's service from being shown, stopped and removed", async () => {
  await using box = await startBox();
  const installation = await InstalledFolder.make(box, "/opt/cloud-link");
  await installation.configure("[app]\nverbos = true\n");
  assertEquals((await installation.command("service", "status")).code, 3);
  await installation.configure("");
  assertMatch(
    (await installation.command("service", "stop")).printed,
    /it is not installed, so there is none to stop\n$/,
  );
  assertMatch(
    (await installation.command("service", "restart")).printed,
    /^Cannot start the service .*: it is not installed\. Run: sudo .* service install/m,
  );
  await installation.done("service", "install");
  for (
    const [toml, said] of [
      ["[app]\nverbos = true\n", /Did you mean "verbose"/],
      ['[app]\nname = "renamed"\n', /service is "com\.injixo\.cloud-link"; "service install" gives it .* "renamed"/],
    ] as const
  ) {
    await installation.configure("");
    await installation.done("service", "start");
    await installation.configure(toml);
    const status = await installation.done("service", "status");
    assertMatch(status, said);
    assertMatch(status, /^Service +com\.injixo\.cloud-link, active/m);
    assertMatch(await installation.done("service", "stop"), /The service "com\.injixo\.cloud-link" has stopped/);
    assertEquals(await property(box, "ActiveState"), "inactive");
  }
  await installation.configure("[app]\nverbos = true\n");
  await installation.done("service", "uninstall");
  assertEquals(await property(box, "LoadState"), "not-found");
});

/** Hands on what systemd 239 knows, and refuses other options as it does. */
const systemctl239 = `#!/bin/sh
for argument; do
  case $argument in
    --quiet | --now | --value | --no-block | --no-pager | --version | --property=*) ;;
    -*) echo "systemctl: unrecognized option '$argument'" >&2; exit 1 ;;
  esac
done
exec /usr/bin/systemctl "$@"
`;

/** What `deno task package` writes, in a folder that a box can share. */
async function packedArchive(): Promise<{ folder: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp" });
  await makePackage({ executable: program, outputFolder: folder, architecture: "x64" });
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/** Watchdog and restarts in seconds, though longer than a busy machine holds up an agent that is well, by a drop-in as `systemctl edit` makes one. */
async function hurry(box: Box): Promise<void> {
  await box.sh(`mkdir -p ${unitFile}.d`);
  await box.write(
    `${unitFile}.d/hurry.conf`,
    "[Service]\nWatchdogSec=10\nTimeoutAbortSec=1\nRestartSec=0.5\n",
  );
  await box.sh("systemctl daemon-reload");
}
