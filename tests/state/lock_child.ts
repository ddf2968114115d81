/** Runs on a state folder until it is killed. */
import { lockState } from "../../src/state/state_lock.ts";

await Deno.mkdir(Deno.args[0] ?? "", { recursive: true });
using lock = await lockState(Deno.args[0] ?? "");
lock.beginRun();
await Deno.stdout.write(new TextEncoder().encode("locked\n"));
await new Promise((resolve) => setTimeout(resolve, 60_000));
