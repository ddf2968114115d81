import { assertEquals } from "../assert.ts";

Deno.test("relay tries every address of a name, IPv6 and IPv4", async () => {
  const hosts = await Deno.makeTempFile();
  await Deno.writeTextFile(hosts, "127.0.0.1 localhost\n::1 both.example\n127.0.0.1 both.example\n");
  const script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'; // in a mount namespace of its own
  const program = new URL("./two_addresses.ts", import.meta.url).pathname;
  const output = await new Deno.Command("unshare", {
    args: [
      "--map-root-user",
      "--mount",
      "sh",
      "-c",
      script,
      "sh",
      hosts,
      Deno.execPath(),
      "run",
      "-A",
      program,
      "both.example",
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  assertEquals(
    text.decode(output.stdout),
    "no failure: by 127.0.0.1\nno failure: by ::1",
    text.decode(output.stderr),
  );
  await Deno.remove(hosts);
});
