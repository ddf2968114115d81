/** A real tinyproxy on a free port. */
import { freePort } from "../free_port.ts";

export interface Tinyproxy extends AsyncDisposable {
  readonly port: number;
}

/** Starts it with further lines of configuration. */
export async function startTinyproxy(lines: readonly string[]): Promise<Tinyproxy> {
  for (let attempt = 1;; attempt++) {
    const port = freePort();
    const folder = await Deno.makeTempDir();
    const file = `${folder}/tinyproxy.conf`;
    await Deno.writeTextFile(file, [`Port ${port}`, "Listen 127.0.0.1", "Timeout 60", ...lines, ""].join("\n"));
    const child = new Deno.Command("tinyproxy", { args: ["-d", "-c", file], stdout: "null", stderr: "null" }).spawn();
    const close = async () => {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await child.status;
      await Deno.remove(folder, { recursive: true });
    };
    const ended = child.status.then(() => "ended" as const);
    if (await Promise.race([answers(port), ended]) !== "ended") return { port, [Symbol.asyncDispose]: close };
    await close();
    if (attempt === 3) throw new Error("Cannot start tinyproxy: is the package installed?");
  }
}

/** Resolves when something listens on `port`. */
export async function answers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}
