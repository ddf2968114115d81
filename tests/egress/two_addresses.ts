/** Run by `addresses_test.ts`: fetches by a name of two addresses, of which one listens. Prints what came. */
import { relayed } from "./relayed.ts";

const name = Deno.args[0] ?? "";
const answers: string[] = [];
for (const hostname of ["127.0.0.1", "::1"]) {
  const server = Deno.serve({ hostname, port: 0, onListen() {} }, () => new Response(`by ${hostname}`));
  const { port } = server.addr;
  await using net = await relayed({ allowed: [`${name}:${port}`] });
  answers.push(await net.failure(`http://${name}:${port}/`));
  await server.shutdown();
}
await Deno.stdout.write(new TextEncoder().encode(answers.join("\n")));
