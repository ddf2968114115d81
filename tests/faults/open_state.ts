/** Opens the state in the folder that is its argument, and prints what came of it. */
import { realFileSystem } from "../../src/durable/real_file_system.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { errorText } from "../../src/runtime/error_text.ts";
import { openState } from "../../src/state/state.ts";

const [folder = ""] = Deno.args;
const owner = { appName: "test", folder, machineId: undefined };
const print = (text: string) => Deno.stdout.write(new TextEncoder().encode(text));
try {
  (await openState(folder, { owner, fs: realFileSystem, clock: systemClock }))[Symbol.dispose]();
  await print("opened");
} catch (error) {
  await print(errorText(error));
}
