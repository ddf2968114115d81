/**
 * Reads an import folder on a share of Windows for the agent. Deno opens files there only for threads with all
 * permissions (denoland/deno#24703), and counts mapped drives and links to shares as shares. So this thread has them: it
 * reads files of the folder and does nothing else, above all no networking, and the agent stays as confined as ever.
 */
import { ownModule } from "../../runtime/own_module.ts";

/** Who reads, for the agent's worker: the port is for `remoteFiles`. */
export interface ShareReader extends Disposable {
  readonly port: MessagePort;
}

/** Starts it where it takes one. `importFolder`: its real path. Must be called before this thread gives up permissions. */
export async function startShareReader(importFolder: string): Promise<ShareReader | undefined> {
  if (!isShare(importFolder, Deno.build.os)) return undefined;
  const worker = new Worker(ownModule("src/cli/run/share_worker.ts"), {
    type: "module",
    name: "share",
    deno: {
      permissions: { read: true, write: true, net: true, env: true, sys: true, run: true, ffi: true, import: true },
    },
  });
  // An error that it does not catch ends the process, as nobody else would be told.
  const loaded = Promise.withResolvers<void>();
  worker.onmessage = () => loaded.resolve();
  await loaded.promise;
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ folder: importFolder }, [port1]);
  return { port: port2, [Symbol.dispose]: () => worker.terminate() };
}

/**
 * Whether files at this real path are on a share of Windows.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * const paths = ["\\\\fileserver\\acd", "C:\\acd"];
 * assertEquals(paths.map((path) => isShare(path, "windows")), [true, false]);
 * ```
 */
export function isShare(realPath: string, os: typeof Deno.build.os): boolean {
  return os === "windows" && realPath.startsWith("\\\\");
}
