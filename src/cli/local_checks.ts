/** The local part of `check`: configuration, folders, rights and free disk space. */
import { basename, join } from "node:path";
import type { Config } from "../config/config.ts";
import { configFileName } from "../config/installation_folder.ts";
import { loadConfigWithOrigins } from "../config/load.ts";
import { ConfigError } from "../config/problems.ts";
import type { CheckLine } from "../control/check_line.ts";
import { realFileSystem } from "../durable/real_file_system.ts";
import { parseCaCertificates } from "../egress/ca_certificates.ts";
import { logFileName } from "../log/log_file.ts";
import { errorText, oneLine } from "../runtime/error_text.ts";
import { exists } from "../runtime/exists.ts";
import { spoolFolderName } from "../state/state.ts";
import { stateFolderOf } from "./state_folder.ts";
import { readableBytes } from "./table.ts";

/** Less free space than the configured reserve plus this counts as nearly full, in bytes. */
const freeBytesWarning = 512 * 1024 * 1024;

/**
 * Checks everything local. Run it with the rights that matter: in the agent itself, if it is running.
 *
 * @param config The configuration in use: the file may have changed since.
 * @param known What was found at startup, when this process could still access more.
 */
export async function checkLocal(
  config: Config,
  known: { readonly importFolderTrouble?: string | undefined; readonly proxyTroubles?: readonly string[] } = {},
): Promise<readonly CheckLine[]> {
  return [
    checkConfiguration(config),
    await checkWritable("Installation folder", config.folder, "The log and the state are kept there"),
    await checkState(config),
    await checkLog(config),
    await checkImportFolder(config, known.importFolderTrouble),
    ...(config.hub.caFile === undefined ? [] : [await checkCaFile(config.hub.caFile)]),
    await checkFreeSpace(config),
    ...proxyTroubleLines(known.proxyTroubles ?? []),
  ];
}

/** Scripts that could not be read and may set a proxy. */
export function proxyTroubleLines(troubles: readonly string[]): CheckLine[] {
  const remedy = "Correct the script, or set https_proxy in /etc/environment, and restart the agent";
  return troubles.map((detail) => ({ name: "Proxy scripts", result: "warning", detail, remedy }));
}

function checkConfiguration(config: Config): CheckLine {
  const name = "Configuration";
  try {
    const file = basename(config.file) === configFileName ? undefined : config.file;
    const loaded = loadConfigWithOrigins(file, { folder: config.folder });
    if (JSON.stringify(loaded.config) !== JSON.stringify(config)) {
      const detail = `"${config.file}" has changed since the agent started`;
      return { name, result: "warning", detail, remedy: "Restart the agent to use it" };
    }
    const exists = loaded.fileExists ? "is valid" : "does not exist, the defaults are used";
    return { name, result: "ok", detail: `"${config.file}" ${exists}` };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { name, result: "failed", detail: oneLine(error.message), remedy: "Correct the file and restart the agent" };
  }
}

async function checkState(config: Config): Promise<CheckLine> {
  const folder = stateFolderOf(config);
  const name = "State folder";
  try {
    const { mode } = await Deno.stat(folder);
    if (Deno.build.os !== "windows" && mode !== null && (mode & 0o077) !== 0) {
      const detail = `"${folder}" can be read by other users (mode ${(mode & 0o777).toString(8)})`;
      return { name, result: "warning", detail, remedy: `Run: chmod 700 "${folder}"` };
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return notUsable(name, { path: folder, error });
    return { name, result: "ok", detail: `"${folder}" will be created at the first start` };
  }
  return await checkWritable(name, folder, "What must survive a restart is kept there");
}

async function checkWritable(name: string, folder: string, purpose: string): Promise<CheckLine> {
  const probe = join(folder, `.injixo-cloud-link-check-${crypto.randomUUID()}`);
  try {
    await Deno.writeTextFile(probe, "", { createNew: true });
    await Deno.remove(probe);
    return { name, result: "ok", detail: `"${folder}" can be written` };
  } catch (error) {
    return notUsable(name, { path: folder, error, remedy: `${purpose}: give the agent's user the right to write` });
  }
}

async function checkLog(config: Config): Promise<CheckLine> {
  const name = "Log";
  const path = join(config.folder, logFileName);
  try {
    const file = await Deno.open(path, { append: true });
    file.close();
    return { name, result: "ok", detail: `"${path}" can be written` };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { name, result: "ok", detail: `"${path}" will be created at the next start` };
    }
    return notUsable(name, { path, error, remedy: "Give the agent's user the right to write it" });
  }
}

async function checkImportFolder(config: Config, trouble: string | undefined): Promise<CheckLine> {
  const name = "Import folder";
  const path = config.app.importDirectory;
  try {
    let files = 0;
    // Like the agent, which may read only the folder that the path led to at startup.
    for await (const entry of Deno.readDir(await Deno.realPath(path))) {
      if (!entry.isDirectory && entry.name.toLowerCase().endsWith(".csv")) files++;
    }
    return {
      name,
      result: "ok",
      detail: `"${path}" can be read; it contains ${files} CSV ${files === 1 ? "file" : "files"}`,
    };
  } catch (error) {
    const remedy = trouble !== undefined
      ? trouble
      : error instanceof Deno.errors.NotCapable
      ? "Restart the agent"
      : error instanceof Deno.errors.NotFound
      ? "Create the folder, or correct [app] importDirectory and restart the agent"
      : error instanceof Deno.errors.NotADirectory
      ? "Correct [app] importDirectory and restart the agent"
      : "Give the agent's user the right to read it, or correct [app] importDirectory";
    return notUsable(name, { path, error, remedy });
  }
}

async function checkCaFile(path: string): Promise<CheckLine> {
  const name = "CA file";
  let pem: string;
  try {
    pem = await Deno.readTextFile(path);
  } catch (error) {
    const remedy = "Correct [hub] caFile, or give the agent's user the right to read it";
    return notUsable(name, { path, error, remedy });
  }
  try {
    const { length } = parseCaCertificates(pem, { file: path });
    return { name, result: "ok", detail: `"${path}" has ${length} ${length === 1 ? "certificate" : "certificates"}` };
  } catch (error) {
    const remedy = "Export the company's certificate authority as PEM (Base64), or remove [hub] caFile";
    return { name, result: "failed", detail: errorText(error), remedy };
  }
}

async function checkFreeSpace(config: Config): Promise<CheckLine> {
  const name = "Free space";
  try {
    // The spool may be a file system of its own.
    const spool = join(stateFolderOf(config), spoolFolderName);
    const free = await realFileSystem.freeBytes(await exists(spool).catch(() => false) ? spool : config.folder);
    const reserve = config.spool.freeBytesMin;
    const detail = `${readableBytes(free)} free, of which ${readableBytes(reserve)} is reserved for other programs`;
    if (free >= reserve + freeBytesWarning) return { name, result: "ok", detail };
    const remedy = "Make room on the disk, or lower [spool] keepFreeMegabytes";
    return { name, result: free < reserve ? "failed" : "warning", detail, remedy };
  } catch (error) {
    return notUsable(name, { path: config.folder, error });
  }
}

function notUsable(name: string, options: { path: string; error: unknown; remedy?: string }): CheckLine {
  const { path, error, remedy } = options;
  const reason = error instanceof Deno.errors.NotFound
    ? "does not exist"
    : error instanceof Deno.errors.NotADirectory
    ? "is not a folder"
    : error instanceof Deno.errors.PermissionDenied
    ? "cannot be accessed by this user"
    : error instanceof Deno.errors.NotCapable
    ? "is not where it was when the agent started"
    : `cannot be used: ${errorText(error)}`;
  return { name, result: "failed", detail: `"${path}" ${reason}`, ...(remedy === undefined ? {} : { remedy }) };
}
