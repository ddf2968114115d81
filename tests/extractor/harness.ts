/** What the extractor's tests share: how to start one, and a driver that misbehaves. */
import { join } from "node:path";
import type { ExtractJob } from "../../src/extractor/messages.ts";
import { type ExtractorCommand, extractorEnvironment, spawnProcess } from "../../src/extractor/process.ts";
import { Extractor } from "../../src/extractor/extractor.ts";
import type { ExtractorLimits } from "../../src/extractor/limits.ts";
import { systemClock } from "../../src/runtime/clock.ts";

/** Starts the extractor from source. */
export function childCommand(environment: Record<string, string> = {}): ExtractorCommand {
  return {
    program: Deno.execPath(),
    args: [
      "run",
      "-A",
      "--no-prompt",
      "--unstable-worker-options",
      new URL("./child_main.ts", import.meta.url).pathname,
    ],
    environment: {
      ...extractorEnvironment((name) => Deno.env.get(name)),
      DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
      ...environment,
    },
  };
}

export function extractor(
  options: { command?: ExtractorCommand; limits?: Partial<ExtractorLimits>; onSpawn?: () => void } = {},
): Extractor {
  const command = options.command ?? childCommand();
  const spawn = () => {
    options.onSpawn?.();
    return spawnProcess(command);
  };
  return new Extractor({ name: "live", spawn, clock: systemClock, limits: { startMs: 60_000, ...options.limits } });
}

/** A job that looks at a contact query's day, changed by `changes`. */
export function job(changes: Partial<ExtractJob>): ExtractJob {
  return {
    databaseType: "sqlite",
    connection: { by: "file", file: "calls.db" },
    sqliteFolders: null,
    folder: "/",
    timeZone: "Europe/Berlin",
    dataType: "contact",
    query: "SELECT queueidentifier, queuename, timestamp, answered FROM contact",
    window: { fromMs: Date.UTC(2026, 9, 20, 22), toMs: Date.UTC(2026, 9, 21, 22) },
    output: null,
    previewRows: 10,
    timeoutSeconds: 30,
    keepConnection: true,
    ...changes,
  };
}

/** Compiles the misbehaving driver and registers it with the driver manager; returns the environment that finds it. */
export async function registerBadDriver(folder: string): Promise<Record<string, string>> {
  const library = join(folder, "libbad.so");
  const source = new URL("./bad_driver.c", import.meta.url).pathname;
  const { success, stderr } = await new Deno.Command("gcc", {
    args: ["-shared", "-fPIC", "-w", "-o", library, source],
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot compile the driver: ${new TextDecoder().decode(stderr)}`);
  await Deno.writeTextFile(join(folder, "odbcinst.ini"), `[Bad]\nDescription=misbehaves\nDriver=${library}\n`);
  await Deno.writeTextFile(join(folder, "odbc.ini"), "");
  return { ODBCSYSINI: folder, ODBCINI: join(folder, "odbc.ini") };
}
