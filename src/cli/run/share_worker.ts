/** Entry of the worker that reads an import folder on a share. Started by `share_reader.ts`. */
/// <reference lib="deno.worker" />
import { serveFiles } from "../../source/remote_files.ts";

self.onmessage = ({ data, ports: [port] }: MessageEvent<{ folder: string }>) => {
  if (port === undefined) throw new Error("Cannot read the share: a port is missing");
  serveFiles(port, data);
};
self.postMessage("loaded");
