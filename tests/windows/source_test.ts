/** The installer's source under WiX's own compiler and linker, and the parts of the build that take no Windows. */
import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { readCompoundFile, type Storage, writeCompoundFile } from "../../installer/compound_file.ts";
import { readSource } from "../../installer/source.ts";
import { mendImage } from "../../installer/windows_executable.ts";
import { projectFolder } from "../setup/executable.ts";
import { WindowsBox } from "./box.ts";

/** Ships WiX 3.10 as a part of its own. */
const wixPackage = "electron-winstaller@5.4.4";

async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args], cwd, stdin: "null" }).output();
  assert(success, new TextDecoder().decode(stderr));
}

Deno.test("WiX 3's candle and light accept the source, with eight instances", async () => {
  await using box = await WindowsBox.open();
  const wix = join(box.work, "wix");
  await Deno.mkdir(wix);
  await run("npm", ["pack", "--silent", wixPackage], wix);
  await run("sh", ["-c", "tar xzf ./*.tgz"], wix);
  const files = join(box.work, "files");
  await Deno.mkdir(files);
  for (const name of ["injixo-cloud-link.exe", "injixo-cloud-link.toml", "license.txt"]) {
    await Deno.writeTextFile(join(files, name), name);
  }
  for (const name of ["injixo-cloud-link.wxs", "pages.wxs"]) {
    await Deno.copyFile(join(projectFolder, "installer", name), join(box.work, name));
  }
  await Deno.writeTextFile(
    join(box.work, "licenses.wxi"),
    '<Include xmlns="http://schemas.microsoft.com/wix/2006/wi">' +
      '<File Id="License1" Name="license.txt" Source="$(var.Files)/license.txt" KeyPath="yes" /></Include>',
  );
  const codes = Array.from(
    { length: 9 },
    (_, index) => `-dProductCode${index}={11111111-2222-4333-8444-00000000000${index}}`,
  );
  const tool = (name: string) => ["mono", join(wix, "package", "vendor", `${name}.exe`), "-nologo"];
  const inWork = async (command: readonly string[]) => {
    const { code, printed } = await box.linux("sh", "-c", 'cd "$0" && exec "$@"', box.work, ...command);
    assertEquals(code, 0, printed);
    assert(!/warning|error/i.test(printed), printed);
  };
  const defines = ["-dVersion=1.2.3", `-dFiles=${files}`, ...codes];
  await inWork([...tool("candle"), "-arch", "x64", ...defines, "-out", "./", "injixo-cloud-link.wxs", "pages.wxs"]);
  await inWork([...tool("light"), "-xo", "-out", "all.wixout", "injixo-cloud-link.wixobj", "pages.wixobj"]);
  const linked = await Deno.readTextFile(join(box.work, "all.wixout"));
  for (let instance = 1; instance <= 8; instance++) {
    assertMatch(linked, new RegExp(`injixo Cloud Link \\(Instance ${instance}\\)`));
  }
});

Deno.test("the source's instances are named as the manual names them", async () => {
  const text = await Deno.readTextFile(join(projectFolder, "installer", "injixo-cloud-link.wxs"));
  const { instances, neverOverwrite } = readSource(text, { ProductCode1: "{1}" });
  assertEquals(instances.map(({ id }) => id), [1, 2, 3, 4, 5, 6, 7, 8].map((id) => `instance.${id}`));
  assertEquals(instances[0]?.productName, "injixo Cloud Link (Instance 1)");
  assertEquals(instances[0]?.productCode, "{1}");
  assertEquals(new Set(instances.map(({ upgradeCode }) => upgradeCode)).size, 8);
  assertEquals(neverOverwrite, ["Configuration"]);
});

Deno.test("a compound file is read as it was written, at all sizes of streams", () => {
  const bytes = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff);
  const sizes = [0, 1, 63, 64, 65, 4095, 4096, 4097, 512 * 300, 8_000_000];
  const inner: Storage = { classId: bytes(16), entries: new Map([["a", bytes(100)], ["b", bytes(5000)]]) };
  const root: Storage = {
    classId: bytes(16),
    entries: new Map<string, Uint8Array<ArrayBuffer> | Storage>([
      ...sizes.map((size) => [`stream${size}`, bytes(size)] as const),
      ["instance.1", inner],
    ]),
  };
  const read = readCompoundFile(writeCompoundFile(root));
  assertEquals(read.classId, root.classId);
  assertEquals([...read.entries.keys()].sort(), [...root.entries.keys()].sort());
  for (const size of sizes) assertEquals(read.entries.get(`stream${size}`), bytes(size));
  assertEquals(read.entries.get("instance.1"), inner);
});

Deno.test("an image whose last section is mapped in part is mended, another stays as it is", () => {
  const image = (inMemory: number) => {
    const bytes = new Uint8Array(1024);
    const view = new DataView(bytes.buffer);
    const set = (offset: number, value: number) => view.setUint32(offset, value, true);
    set(0x3c, 0x80);
    view.setUint16(0x84 + 2, 1, true); // sections
    view.setUint16(0x84 + 16, 112, true); // optional header
    set(0x98 + 32, 0x1000);
    set(0x98 + 56, 0x3000);
    const section = 0x98 + 112;
    set(section + 8, inMemory);
    set(section + 12, 0x2000);
    set(section + 16, 0x5001);
    return bytes;
  };
  const mended = new DataView(mendImage(image(0x1000)).buffer);
  assertEquals(mended.getUint32(0x98 + 112 + 8, true), 0x5001);
  assertEquals(mended.getUint32(0x98 + 56, true), 0x8000);
  assertEquals(mendImage(image(0x6000)), image(0x6000));
});
