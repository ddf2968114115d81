/** A relay in a process of its own, which can run out of files. Prints where it listens, then its reports, as JSON. */
import { parseAllowedHost } from "../../src/egress/allowed_hosts.ts";
import { startRelay } from "../../src/egress/start_relay.ts";

const [allowed = ""] = Deno.args;
const relay = await startRelay({ allowed: [parseAllowedHost(allowed)], proxy: undefined });
const print = (value: unknown) => Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
relay.reports().onmessage = ({ data }) => print(data);
print({ port: relay.port, token: relay.token });
