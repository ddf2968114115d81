import { assertEquals } from "../assert.ts";

Deno.test("relay tries IPv6 and IPv4, passes over what is silent, and follows a host that moves", async () => {
  const hosts = await Deno.makeTempFile();
  const script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'; // in a mount namespace of its own
  const program = new URL("./two_addresses.ts", import.meta.url).pathname;
  const output = await new Deno.Command("unshare", {
    args: [
      ...["--map-root-user", "--mount", "--net", "sh", "-c", script, "sh", hosts],
      ...[Deno.execPath(), "run", "-A", program],
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  assertEquals(
    text.decode(output.stdout).split("\n"),
    [
      "both.example: no failure: by 127.0.0.1",
      "both.example: no failure: by ::1",
      "silent6.example: no failure: by 127.0.0.1",
      "silent4.example: no failure: by ::1",
      "before: no failure: by 127.0.0.1",
      "after: no failure: by 127.0.0.2",
    ],
    text.decode(output.stderr),
  );
  await Deno.remove(hosts);
});
