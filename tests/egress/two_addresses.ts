/**
 * Run by `addresses_test.ts` in namespaces of its own, whose /etc/hosts it may write: fetches by names whose addresses are
 * not all good, or change. Prints what came.
 */
import { relayed } from "./relayed.ts";

/** A device that nobody reads: what is sent to its networks is lost without a word. */
const silent = { v4: "10.99.0.9", v6: "fd00:99::9" };

await ip("link", "set", "lo", "up");
await ip("tuntap", "add", "dev", "silent0", "mode", "tun");
await ip("addr", "add", "10.99.0.1/24", "dev", "silent0");
await ip("addr", "add", "fd00:99::1/64", "dev", "silent0", "nodad");
await ip("link", "set", "silent0", "up");

const answers: string[] = [];
// Both resolve, one refuses.
answers.push(await fetched({ name: "both.example", addresses: ["127.0.0.1", "::1"], listen: "127.0.0.1" }));
answers.push(await fetched({ name: "both.example", addresses: ["127.0.0.1", "::1"], listen: "::1" }));
// Both resolve, one never answers.
answers.push(await fetched({ name: "silent6.example", addresses: [silent.v6, "127.0.0.1"], listen: "127.0.0.1" }));
answers.push(await fetched({ name: "silent4.example", addresses: [silent.v4, "::1"], listen: "::1" }));
answers.push(...await moved());
await Deno.stdout.write(new TextEncoder().encode(answers.join("\n")));

async function fetched(
  { name, addresses, listen }: { name: string; addresses: readonly string[]; listen: string },
): Promise<string> {
  await writeHosts(addresses.map((address) => `${address} ${name}`));
  const server = serve(listen, 0);
  await using net = await relayed({ allowed: [`${name}:${server.addr.port}`] });
  const answer = await net.failure(`http://${name}:${server.addr.port}/`);
  await server.shutdown();
  return `${name}: ${answer}`;
}

/** The same relay, and the same client, before and after a host has moved. */
async function moved(): Promise<string[]> {
  const name = "moving.example";
  await writeHosts([`127.0.0.1 ${name}`]);
  const before = serve("127.0.0.1", 0);
  const { port } = before.addr;
  await using net = await relayed({ allowed: [`${name}:${port}`] });
  const url = `http://${name}:${port}/`;
  const answers = [`before: ${await net.failure(url)}`];
  await before.shutdown();
  const after = serve("127.0.0.2", port);
  await writeHosts([`127.0.0.2 ${name}`]);
  answers.push(`after: ${await net.failure(url)}`);
  await after.shutdown();
  return answers;
}

function serve(hostname: string, port: number): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname, port, onListen() {} }, () => new Response(`by ${hostname}`));
}

/** In place: the file is mounted. */
async function writeHosts(lines: readonly string[]): Promise<void> {
  await Deno.writeTextFile("/etc/hosts", ["127.0.0.1 localhost", ...lines, ""].join("\n"));
}

async function ip(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args, stderr: "piped" }).output();
  if (!success) throw new Error(`ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
