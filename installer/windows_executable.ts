/** Compiles the program for Windows, wherever the build runs. */
import { join } from "node:path";
import { exists } from "../src/runtime/exists.ts";
import { compileExecutable } from "./executable.ts";
import { runTool } from "./tool.ts";

/** What Deno calls the platform. */
export const windowsTarget = "x86_64-pc-windows-msvc";

/**
 * Compiles it as `deno task compile` does.
 *
 * @param options `runtime`: path of a denort for Windows, for machines that cannot reach Deno's downloads
 */
export async function compileForWindows(
  options: { output: string; runtime: string | undefined },
): Promise<void> {
  const { output, runtime } = options;
  await compileExecutable({ output, runtime, target: windowsTarget });
  await Deno.writeFile(output, mendImage(await Deno.readFile(output)));
}

/** Path of the denort for Windows in a folder `shared/tools` beside the project, if there is one. */
export async function sharedRuntime(project: string): Promise<string | undefined> {
  const own = Deno.env.get("DENORT_BIN_WINDOWS");
  if (own) return own;
  const tool = join(project, "..", "shared", "tools", "denort");
  const isThere = await exists(tool);
  return isThere ? (await runTool(tool, ["windows"])).trim() : undefined;
}

/**
 * `deno compile` puts the program into a section of the image. If the runtime already had that section, the section
 * keeps its old size in memory, and Windows would map only a part of the program. This makes the last section as long
 * as its data in the file. Other images stay as they are.
 */
export function mendImage(image: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const coff = view.getUint32(0x3c, true) + 4;
  const optional = coff + 20;
  const alignment = view.getUint32(optional + 32, true);
  const last = optional + view.getUint16(coff + 16, true) + 40 * (view.getUint16(coff + 2, true) - 1);
  const [inMemory, address, inFile] = [8, 12, 16].map((offset) => view.getUint32(last + offset, true));
  if (inMemory === undefined || address === undefined || inFile === undefined || inMemory >= inFile) return image;
  view.setUint32(last + 8, inFile, true);
  view.setUint32(optional + 56, Math.ceil((address + inFile) / alignment) * alignment, true); // SizeOfImage
  return image;
}
