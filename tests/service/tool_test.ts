import { runTool } from "../../src/service/tool.ts";
import { assertEquals } from "../assert.ts";

Deno.test("the system's tools see none of the caller's variables, which may hold secrets", async () => {
  const told = (await runTool("env", [])).trim().split("\n").map((line) => line.split("=")[0]);
  assertEquals(told.toSorted(), ["LC_ALL", "PATH", "SYSTEMD_COLORS", "SYSTEMD_PAGER", "TZ"]);
});
