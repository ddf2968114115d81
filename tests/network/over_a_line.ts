/** Runs a scenario in a network namespace of its own. */
import type { Happened, Scenario } from "./scenario.ts";

/** What happened in each phase; rejects with what was printed when it could not be run, and what it needs. */
export async function overALine(scenario: Scenario): Promise<Happened[]> {
  const program = new URL("./scenario.ts", import.meta.url).pathname;
  await ensureDevice();
  const asRoot = Deno.uid() === 0 ? [] : ["--map-root-user"];
  const { success, stdout, stderr } = await new Deno.Command("unshare", {
    args: [...asRoot, "--net", Deno.execPath(), "run", "-A", "--no-check", program, JSON.stringify(scenario)],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const printed = new TextDecoder().decode(stdout);
  if (success) return JSON.parse(printed.trim().split("\n").at(-1) ?? "");
  throw new Error(
    `It did not work. It needs "unshare --net" (root, or user namespaces), /dev/net/tun and "ip":\n` +
      new TextDecoder().decode(stderr) + printed,
  );
}

/** Containers may have the kernel's TUN devices but not the file that leads to them. Without it the scenario says so. */
async function ensureDevice(): Promise<void> {
  const path = "/dev/net/tun";
  if (Deno.uid() !== 0 || await Deno.stat(path).then(() => true, () => false)) return;
  await Deno.mkdir("/dev/net", { recursive: true });
  await new Deno.Command("mknod", { args: [path, "c", "10", "200"] }).output();
}

/** How much more than the payload passed the line to the hub, as a part of it: TLS, requests, and what was sent twice. */
export function sentTwice({ up, payloadBytes }: Happened): number {
  return up.tcpBytes / payloadBytes - 1;
}
