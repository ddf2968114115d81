/** The installers and archives of `hub --downloads DIR`: found and hashed once at the start, then served. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Hono } from "hono";
import * as z from "zod";
import { parseJson } from "../runtime/parse_json.ts";
import type { Download } from "./pages/components/downloads.tsx";
import { HubProblem } from "./services.ts";

/** What `deno task msi` and `deno task package` write. */
const names: readonly { readonly platform: Download["platform"]; readonly name: string }[] = [
  { platform: "windows", name: "injixo-cloud-link.msi" },
  { platform: "linux", name: "injixo-cloud-link-linux-x64.tar.gz" },
];

/** A file on offer, and its path. */
export interface DownloadFile extends Download {
  readonly name: string;
  readonly path: string;
}

/**
 * The files that are in the folder.
 *
 * @throws when there are none
 */
export async function openDownloads(folder: string): Promise<readonly DownloadFile[]> {
  const found: DownloadFile[] = [];
  for (const { platform, name } of names) {
    const path = join(folder, name);
    const file = await describe(path);
    if (file === undefined) continue;
    const version = await versionOf(path, file);
    found.push({ platform, name, path, href: `/downloads/${name}`, version, ...file });
  }
  if (found.length > 0) return found;
  throw new Error(
    `Cannot offer downloads from "${folder}": it has neither ${names.map(({ name }) => `"${name}"`).join(" nor ")}. ` +
      "deno task package and deno task msi make them",
  );
}

/** `GET /downloads/NAME`, without login: whoever installs an agent need not log in on that machine. */
export function downloadRoutes(files: readonly DownloadFile[]): Hono {
  const app = new Hono();
  app.get("/downloads/:name", async (context) => {
    const file = files.find(({ name }) => name === context.req.param("name"));
    if (file === undefined) throw new HubProblem("not-found", "There is no such download.");
    const open = await Deno.open(file.path).catch(() => undefined);
    if (open === undefined || (await open.stat()).size !== file.size) {
      open?.close();
      throw new HubProblem("unavailable", "The download is being replaced: restart the hub to offer the new one.");
    }
    return new Response(open.readable, {
      headers: {
        "Content-Type": "application/octet-stream",
        "Content-Length": String(file.size),
        "Content-Disposition": `attachment; filename="${file.name}"`,
        "ETag": `"${file.sha256}"`,
      },
    });
  });
  return app;
}

/** The version in `FILE.json`, if that describes this very file (`installer/accompany.ts`). */
async function versionOf(path: string, { sha256 }: { sha256: string }): Promise<string | undefined> {
  const text = await Deno.readTextFile(`${path}.json`).catch(() => "{}");
  const described = Description.safeParse(parseJson(text));
  return described.success && described.data.sha256 === sha256 ? described.data.version : undefined;
}

const Description = z.object({ version: z.string().max(100), sha256: z.string() });

async function describe(path: string): Promise<{ size: number; sha256: string } | undefined> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of file.readable) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest("hex") };
}
