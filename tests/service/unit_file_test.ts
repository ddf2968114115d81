import { join } from "node:path";
import { canBeInUnit, readNotes, unitText } from "../../src/service/unit_file.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";

const installation = {
  name: "com.injixo.cloud-link",
  folder: "/srv/100% a $b",
  configFile: "/srv/100% a $b/injixo-cloud-link.toml",
  program: "/srv/100% a $b/injixo-cloud-link",
  importDirectory: "/srv/in",
};
const options = {
  installation,
  user: "injixo-cloud-link",
  group: "995",
  furtherGroups: [],
  homes: { hidden: false, writable: [], readable: [] },
  systemdVersion: 252,
  changed: [{ path: installation.folder, mode: 0o755, gid: 7 }],
};

Deno.test("every placeholder of the unit is filled in, and paths are quoted as systemd reads them", () => {
  const text = unitText(options);
  assertEquals(text.match(/@\w+@/g), null);
  assertMatch(text, /^ExecStart="\/srv\/100%% a \$b\/injixo-cloud-link" run --config "\/srv\/100%% a \$\$b\//m);
  assertMatch(text, /^ReadWritePaths="\/srv\/100%% a \$b"$/m);
  assertMatch(text, /^RestartSec=10$/m);
});

Deno.test("the folder and what was changed can be read back from the unit", () => {
  assertEquals(readNotes(unitText(options)), { folder: installation.folder, changed: options.changed });
  assertEquals(readNotes("[Service]\nExecStart=/bin/true\n"), undefined);
});

Deno.test("a systemd that knows them gets growing delays, hidden homes and further groups their lines", () => {
  const text = unitText({
    ...options,
    systemdVersion: 257,
    furtherGroups: [12],
    homes: { hidden: true, writable: ["/home/ann/cloud-link"], readable: ["/home/ann/csv:1"] },
  });
  assertMatch(text, /^RestartSteps=6$/m);
  assertMatch(text, /^ProtectHome=tmpfs$/m);
  assertMatch(text, /^BindPaths="-\/home\/ann\/cloud-link"$/m);
  assertMatch(text, /^BindReadOnlyPaths="-\/home\/ann\/csv:1"$/m);
  assertMatch(text, /^SupplementaryGroups=12$/m);
  assert(!unitText(options).includes("SupplementaryGroups"));
});

Deno.test("systemd finds nothing to say of the unit, whatever is in the path that may be in it", async () => {
  const temporary = await Deno.makeTempDir();
  await using _removed = { [Symbol.asyncDispose]: () => Deno.remove(temporary, { recursive: true }) };
  const folder = join(temporary, "100% of $HOME, tïs {a;b} #1");
  await Deno.mkdir(folder);
  const program = join(folder, "injixo-cloud-link");
  await Deno.copyFile("/bin/true", program);
  assert(canBeInUnit(program));
  const unit = join(temporary, "com.injixo.cloud-link.service");
  const placed = { ...installation, folder, program, configFile: `${program}.toml` };
  await Deno.writeTextFile(unit, unitText({ ...options, user: "root", group: "0", installation: placed }));
  const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", { args: ["verify", unit] }).output();
  assertEquals([code, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr)], [0, ""]);
});
