import { join } from "node:path";
import { temporaryFileKeptMs } from "../../../src/hub/limits.ts";
import { DiskObjects } from "../../../src/hub/objects/disk_objects.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { assertEquals } from "../../assert.ts";

Deno.test("sweeping goes on when uploads are completed meanwhile", async () => {
  const folder = await Deno.makeTempDir();
  const objects = await DiskObjects.open({ folder, origin: () => "http://hub.example", secret: new Uint8Array(32) });
  const names = ["a", "b", "c"];
  for (const name of names) await Deno.writeTextFile(join(folder, "temporary", name), "");
  const completeAll = () => {
    for (const name of names.splice(0)) Deno.renameSync(join(folder, "temporary", name), join(folder, "objects", name));
  };
  const nowMs = Date.now() + temporaryFileKeptMs + 1000;
  const clock = {
    ...systemClock,
    now() {
      completeAll();
      return nowMs;
    },
  };
  await objects.sweep(clock);
  assertEquals((await objects.list("")).toSorted(), ["a", "b", "c"]);
  await Deno.remove(folder, { recursive: true });
});
