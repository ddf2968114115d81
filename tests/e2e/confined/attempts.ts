/** What a confined thread tries, and the name of the error that it meets; `ok` when it succeeds. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export type Outcomes = Readonly<Record<string, string>>;

/** Where it is tried. */
export interface Places {
  /** The installation folder. */
  readonly folder: string;
  /** As the configuration names it: a link leads there. */
  readonly importDirectory: string;
}

/** Tries everything. */
export async function attempts({ folder, importDirectory }: Places): Promise<Outcomes> {
  const tries: Record<string, () => unknown> = {
    "read the import folder": async () => Array.fromAsync(Deno.readDir(await Deno.realPath(importDirectory))),
    "write in the import folder": async () =>
      Deno.writeTextFile(join(await Deno.realPath(importDirectory), "probe"), "x"),
    "read beside the import folder": async () =>
      Array.fromAsync(Deno.readDir(join(await Deno.realPath(importDirectory), ".."))),
    "write in the installation folder": () => Deno.writeTextFile(join(folder, "probe"), "x"),
    "read outside": () => Deno.readTextFile("/etc/passwd"),
    "write outside": () => Deno.writeTextFile("/tmp/cloud-link-probe", "x"),
    "open a database outside": () => new DatabaseSync("/tmp/cloud-link-probe.db"),
    "connect to another host": () => Deno.connect({ hostname: "www.example.com", port: 443 }),
    "connect to another port of this machine": () => Deno.connect({ hostname: "127.0.0.1", port: 9 }),
    "fetch from another host": () => fetch("https://www.example.com/"),
    "listen for others": () => Deno.listen({ hostname: "0.0.0.0", port: 0 }),
    "read the environment": () => Deno.env.get("HOME"),
    "run a program": () => new Deno.Command("true").output(),
    "load a native library": () => Deno.dlopen("libc.so.6", {}),
  };
  const outcomes: Record<string, string> = {};
  for (const [name, act] of Object.entries(tries)) {
    outcomes[name] = await Promise.try(act).then(
      () => "ok",
      (error: unknown) => error instanceof Error ? error.name : String(error),
    );
  }
  return outcomes;
}
