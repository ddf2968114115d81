/**
 * A Windows program that writes a file and keeps it open for itself alone until another file is there:
 * `hold_file PATH TEXT UNTIL`.
 */
const [path = "", text = "", until = ""] = Deno.args;
const genericWrite = 0x4000_0000;
const createAlways = 2;
const lookEveryMs = 50;
const kernel = Deno.dlopen("kernel32.dll", {
  CreateFileW: { parameters: ["buffer", "u32", "u32", "pointer", "u32", "u32", "pointer"], result: "u64" },
  WriteFile: { parameters: ["u64", "buffer", "u32", "buffer", "pointer"], result: "i32" },
  CloseHandle: { parameters: ["u64"], result: "i32" },
});
const units = new Uint16Array([...`${path}\0`].map((character) => character.charCodeAt(0)));
const file = kernel.symbols.CreateFileW(new Uint8Array(units.buffer), genericWrite, 0, null, createAlways, 0x80, null);
const bytes = new TextEncoder().encode(text);
const written = kernel.symbols.WriteFile(file, bytes, bytes.length, new Uint8Array(4), null);
while (!await Deno.stat(until).then(() => true, () => false)) {
  await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
}
kernel.symbols.CloseHandle(file);
Deno.exit(written === 0 ? 1 : 0);
