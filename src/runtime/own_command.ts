/**
 * How this program starts itself again, and how people do: the compiled executable, or Deno with `main.ts` from a
 * checkout.
 */
import { fileURLToPath } from "node:url";

/** The command and its first arguments; append the program's own. */
export function ownCommand(): { readonly path: string; readonly args: readonly string[] } {
  if (Deno.build.standalone) return { path: Deno.execPath(), args: [] };
  const file = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
  return {
    path: Deno.execPath(),
    args: ["run", "--quiet", "--allow-all", "--no-prompt", `--config=${file("deno.json")}`, file("main.ts")],
  };
}

/** A command of this program as people type it, whatever folder they are in, e.g. `service start`. */
export function typedCommand(words: string): string {
  const program = Deno.build.standalone ? `"${Deno.execPath()}"` : "injixo-cloud-link";
  return `${Deno.build.os === "windows" ? "" : "sudo "}${program} ${words}`;
}
