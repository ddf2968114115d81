import { checkUploads } from "../../src/cli/upload_check.ts";
import { statusLines } from "../../src/cli/status_command.ts";
import { parseDailyWindow } from "../../src/runtime/daily_window.ts";
import { assert, assertEquals } from "../assert.ts";
import { agentStatus } from "./cli.ts";

Deno.test("check tells what [upload] holds back, and until when", () => {
  const window = parseDailyWindow("20:00-06:00");
  assert(window !== undefined);
  const at = (time: string) => ({ clock: { now: () => Date.parse(`2026-03-02T${time}Z`) }, timeZone: "Europe/Berlin" });
  const detail = (upload: Parameters<typeof checkUploads>[0], time: string) =>
    checkUploads(upload, at(time)).map((line) => line.detail);
  assertEquals(detail({}, "12:00:00"), []);
  assertEquals(detail({ bytesPerSecondMax: 50_000, window }, "12:00:00"), [
    "at most 50000 bytes a second; CSV files and history at 20:00-06:00 only (Europe/Berlin): they wait until 2026-03-02 20:00",
  ]);
  assertEquals(detail({ window }, "22:00:00"), [
    "CSV files and history at 20:00-06:00 only (Europe/Berlin): they are being sent now",
  ]);
});

Deno.test("status shows why something waits though all is well", () => {
  const notice = "CSV files and history wait for the time window 20:00-06:00.";
  assert(
    statusLines(agentStatus({ notice })).includes(`Note         ${notice}`),
    statusLines(agentStatus({ notice })).join("\n"),
  );
});
