/** The compiled executable under test. */
import { join } from "node:path";

/** The repository's folder. */
export const projectFolder: string = new URL("../../", import.meta.url).pathname;

/** Path of the compiled executable; `deno task test` compiles it first. */
export const executable: string = join(projectFolder, "dist", "injixo-cloud-link");

/**
 * Compiles the executable, with the runtime that a folder `shared/tools` beside the project gives, if there is one:
 * machines without access to Deno's downloads need it.
 */
export async function compileExecutable(): Promise<void> {
  const env: Record<string, string> = {};
  const denort = join(projectFolder, "..", "shared", "tools", "denort");
  if (!Deno.env.get("DENORT_BIN") && await exists(denort)) {
    const { stdout, success } = await new Deno.Command(denort, { stderr: "inherit" }).output();
    if (success) env.DENORT_BIN = new TextDecoder().decode(stdout).trim();
  }
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "compile"],
    cwd: projectFolder,
    env,
    stdout: "null",
  }).output();
  if (!success) throw new Error(`Cannot compile ${executable}: see the messages above`);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
