/** Holds the lock of a state folder until it is killed. */
import { lockState } from "../../src/state/state_lock.ts";

await Deno.mkdir(Deno.args[0] ?? "", { recursive: true });
using _ = await lockState(Deno.args[0] ?? "");
await Deno.stdout.write(new TextEncoder().encode("locked\n"));
await new Promise((resolve) => setTimeout(resolve, 60_000));
