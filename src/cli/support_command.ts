/**
 * `support`: one archive for whoever helps. It has the configuration without secrets, the logs of the last days, what
 * `check` and `status` say, versions, and how the service is doing. Nothing is sent anywhere.
 *
 * The log and the configuration are written without secrets to begin with; this is the proof: every secret that the
 * installation knows is searched for, and one hit means that no archive is made.
 */
import { basename, dirname, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { loadConfigWithOrigins } from "../config/load.ts";
import { configAsToml } from "../config/print.ts";
import type { Config } from "../config/config.ts";
import { localDate } from "../log/line.ts";
import { Redactor } from "../log/redact.ts";
import { systemClock } from "../runtime/clock.ts";
import { tarOf } from "../runtime/tar.ts";
import { programName, version } from "../runtime/version.ts";
import { readableBytes } from "./table.ts";
import { exitCodes } from "./exit_codes.ts";
import { print, printError } from "./print.ts";
import { runOwnCommand } from "./own_command_output.ts";
import { knownSecrets, type Secret, secretIn } from "./secrets.ts";

/** Logs that were last written to before this are left out, in days. */
const logDays = 7;
/** Of a longer log, the end goes in, in bytes. */
const logBytesMax = 32 * 1024 * 1024;
/** All logs together, the newest first, in bytes. */
const logsBytesMax = 128 * 1024 * 1024;
const msPerDay = 24 * 60 * 60 * 1000;

/** Where to. */
export interface SupportOptions {
  readonly configFile: string | undefined;
  /** @default `injixo-cloud-link-support-DATE.tar.gz` in the current folder */
  readonly output: string | undefined;
}

interface GatheredFile {
  readonly name: string;
  readonly text: string;
}

/** Writes the archive; refuses when a secret would be in it. */
export async function support(options: SupportOptions, { signal }: { signal: AbortSignal }): Promise<number> {
  const loaded = loadConfigWithOrigins(options.configFile);
  const { config } = loaded;
  const { secrets, unknown } = await knownSecrets(config);
  if (unknown.length > 0) {
    const sudo = Deno.build.os === "windows" ? "Run it in a console as administrator" : "Run it with sudo";
    throw new Error(`Cannot tell which secrets must not be in the archive: ${unknown.join("; ")}. ${sudo}`);
  }
  const gathered: GatheredFile[] = [
    { name: "config.toml", text: configAsToml(loaded) },
    { name: "versions.json", text: versions() },
    ...await Promise.all(["check", "status", "service"].map((command) => outputOf(command, { config, signal }))),
    ...await logsOf(config),
  ];
  const redactor = new Redactor();
  const files = gathered.map(({ name, text }) => ({ name, text: redactLines(text, redactor) }));
  const hits = files.flatMap((file) => hitsIn(file, secrets));
  if (hits.length > 0) {
    printError("Cannot make the archive, since secrets would be in it. None was made. Please report this as an error.");
    for (const hit of hits) printError(`  ${hit}`);
    return exitCodes.failed;
  }
  const path = resolve(options.output ?? `${programName}-support-${localDate(systemClock.now())}.tar.gz`);
  const bytes = await writeArchive(path, files);
  print(`Wrote "${path}" (${readableBytes(bytes)}) with ${files.length} files:`);
  for (const { name } of files) print(`  ${name}`);
  if (config.app.verbose) {
    print("With [app] verbose, the logs have rows of the database. Look at them before you send it.");
  }
  return exitCodes.ok;
}

function versions(): string {
  const { os, arch } = Deno.build;
  const facts = { program: version, deno: Deno.version.deno, v8: Deno.version.v8, os, arch, release: Deno.osRelease() };
  return `${JSON.stringify({ ...facts, uptimeSeconds: Deno.osUptime(), now: new Date().toISOString() }, null, 2)}\n`;
}

/** What a command of this program prints, whatever its exit code. */
async function outputOf(
  command: string,
  { config, signal }: { config: Config; signal: AbortSignal },
): Promise<GatheredFile> {
  const args = command === "service" ? ["service", "status"] : [command];
  const file = await Deno.stat(config.file).then(() => ["--config", config.file], () => []);
  return { name: `${command}.txt`, text: await runOwnCommand([...args, ...file], { cwd: config.folder, signal }) };
}

async function logsOf({ folder }: Config): Promise<GatheredFile[]> {
  const found: { name: string; modifiedAtMs: number }[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || !/^injixo-cloud-link(\..+)?\.log$/.test(name)) continue;
    const modifiedAtMs = (await Deno.stat(join(folder, name))).mtime?.getTime() ?? 0;
    if (modifiedAtMs >= systemClock.now() - logDays * msPerDay) found.push({ name, modifiedAtMs });
  }
  found.sort((a, b) => b.modifiedAtMs - a.modifiedAtMs);
  const files: GatheredFile[] = [];
  let room = logsBytesMax;
  for (const { name } of found) {
    const text = await endOf(join(folder, name), Math.min(logBytesMax, room));
    room -= text.length;
    files.push({ name: `logs/${name}`, text });
    if (room <= 0) break;
  }
  return files;
}

async function endOf(path: string, bytesMax: number): Promise<string> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  if (size > bytesMax) await file.seek(size - bytesMax, Deno.SeekMode.Start);
  return await new Response(file.readable).text();
}

/** What only looks like a secret is masked, as in the log: tokens are known to the running agent alone. */
function redactLines(text: string, redactor: Redactor): string {
  return text.split("\n").map((line) => redactor.text(line)).join("\n");
}

/** Where the secrets are: file and line, and what kind of secret. */
function hitsIn({ name, text }: GatheredFile, secrets: readonly Secret[]): string[] {
  if (secretIn(text, secrets) === undefined) return [];
  return text.split("\n").flatMap((line, index) => {
    const hit = secretIn(line, secrets);
    return hit === undefined ? [] : [`${name}, line ${index + 1}: ${hit.name}`];
  });
}

/** Only its owner may read it. Returns its length in bytes. */
async function writeArchive(path: string, files: readonly GatheredFile[]): Promise<number> {
  const encoder = new TextEncoder();
  const folder = basename(path).replace(/\.tar\.gz$|\.tgz$/, "");
  const entries = files.map(({ name, text }) => ({
    name: `${folder}/${name}`,
    content: encoder.encode(text),
    mode: 0o600,
  }));
  const archive = gzipSync(tarOf(entries, { modifiedAtMs: systemClock.now() }));
  await Deno.mkdir(dirname(path), { recursive: true });
  // In a folder like /tmp, others may have put links to foreign files under any name that they can guess.
  const part = `${path}.${crypto.randomUUID()}.part`;
  await Deno.writeFile(part, archive, { mode: 0o600, createNew: true });
  await Deno.rename(part, path); // replaces a link, and follows none
  return archive.length;
}
