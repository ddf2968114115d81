/**
 * `support`: one archive for whoever helps. It contains the configuration without secrets, or what is wrong with it, the
 * logs of the last days, the output of `check` and `status`, versions, and the state of the service. Nothing is sent
 * anywhere.
 *
 * The log and the configuration are written without secrets in the first place; this verifies it: every secret known to
 * the installation is searched for, and a single hit means that no archive is written.
 */
import { basename, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { loadReadableConfig, type ReadableConfig } from "../config/load.ts";
import { configAsToml } from "../config/print.ts";
import type { Config } from "../config/config.ts";
import { localDate } from "../log/line.ts";
import { Redactor } from "../log/redact.ts";
import { systemClock } from "../runtime/clock.ts";
import { tarOf } from "../runtime/tar.ts";
import { programName, version } from "../runtime/version.ts";
import { readableBytes } from "./table.ts";
import { exitCodes } from "./exit_codes.ts";
import { openOutput } from "./output_file.ts";
import { print, printError } from "./print.ts";
import { outputOfOwnProgram } from "./own_program.ts";
import { credentialsFolderOf, credentialsVariable } from "./run/own_service.ts";
import { knownSecrets, type Secret, secretIn } from "./secrets.ts";

/** Logs last written to before this are left out, in days. */
const logDays = 7;
/** A longer log is cut to its end, in bytes. */
const logBytesMax = 32 * 1024 * 1024;
/** Total size of the logs, the newest first, in bytes. */
const logsBytesMax = 128 * 1024 * 1024;
/** Takes the place of `config.toml`. */
const configErrorName = "config-error.txt";
const msPerDay = 24 * 60 * 60 * 1000;

/** Where to write it. */
export interface SupportOptions {
  readonly configFile: string | undefined;
  /** @default `injixo-cloud-link-support-DATE.tar.gz` in the current folder */
  readonly output: string | undefined;
}

interface GatheredFile {
  readonly name: string;
  readonly text: string;
}

/** Writes the archive; refuses if it would contain a secret. */
export async function support(options: SupportOptions, { signal }: { signal: AbortSignal }): Promise<number> {
  const loaded = loadReadableConfig(options.configFile);
  const { config } = loaded;
  const credentials = await credentialsFolderOf(config.app.name);
  const { secrets, unknown } = await knownSecrets(config, { credentials });
  if (unknown.length > 0) {
    throw new Error(`Cannot tell which secrets must not be in the archive: ${unknown.join("; ")}`);
  }
  const gathered: GatheredFile[] = [
    configurationIn(loaded),
    { name: "versions.json", text: versions() },
    ...await Promise.all(
      ["check", "status", "service"].map((command) => outputOf(command, { config, credentials, signal })),
    ),
    ...await logsOf(config),
  ];
  signal.throwIfAborted(); // what was still running has been cut off
  const redactor = new Redactor();
  const files = gathered.map(({ name, text }) => ({ name, text: redactLines(text, redactor) }));
  const hits = files.flatMap((file) => hitsIn(file, secrets));
  if (hits.length > 0) {
    printError("Cannot write the archive: it would contain secrets. None was written. Please report this as a bug.");
    for (const hit of hits) printError(`  ${hit}`);
    return exitCodes.failed;
  }
  const path = resolve(options.output ?? `${programName}-support-${localDate(systemClock.now())}.tar.gz`);
  const bytes = await writeArchive(path, files);
  print(`Wrote "${path}" (${readableBytes(bytes)}) with ${files.length} files:`);
  for (const { name } of files) print(`  ${name}`);
  if (config.app.verbose) {
    print("With [app] verbose, the logs contain rows of the database. Look at them before you send the archive.");
  }
  if ("error" in loaded) {
    print(
      `The configuration cannot be used: ${configErrorName} says why. Not all passwords in it could be searched for.`,
    );
    print("Look at the archive before you send it.");
  }
  return exitCodes.ok;
}

/** Never the file itself: what cannot be read may be a password. */
function configurationIn(loaded: ReadableConfig): GatheredFile {
  return "error" in loaded
    ? { name: configErrorName, text: `${loaded.error.message}\n` }
    : { name: "config.toml", text: configAsToml(loaded) };
}

function versions(): string {
  const { os, arch } = Deno.build;
  const facts = { program: version, deno: Deno.version.deno, v8: Deno.version.v8, os, arch, release: Deno.osRelease() };
  return `${JSON.stringify({ ...facts, uptimeSeconds: Deno.osUptime(), now: new Date().toISOString() }, null, 2)}\n`;
}

/** The output of a command of this program, whatever its exit code. */
async function outputOf(
  command: string,
  { config, credentials, signal }: { config: Config; credentials: string | undefined; signal: AbortSignal },
): Promise<GatheredFile> {
  const args = command === "service" ? ["service", "status"] : [command];
  const file = await Deno.stat(config.file).then(() => ["--config", config.file], () => []);
  const env = { NO_COLOR: "1", ...(credentials === undefined ? {} : { [credentialsVariable]: credentials }) };
  const text = await outputOfOwnProgram([...args, ...file], { cwd: config.folder, env, signal });
  return { name: `${command}.txt`, text };
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

/** Masks anything that looks like a secret, as in the log: only the running agent knows the tokens. */
function redactLines(text: string, redactor: Redactor): string {
  return text.split("\n").map((line) => redactor.text(line)).join("\n");
}

/** Where secrets were found: file and line, and which secret. */
function hitsIn({ name, text }: GatheredFile, secrets: readonly Secret[]): string[] {
  if (secretIn(text, secrets) === undefined) return [];
  return text.split("\n").flatMap((line, index) => {
    const hit = secretIn(line, secrets);
    return hit === undefined ? [] : [`${name}, line ${index + 1}: ${hit.name}`];
  });
}

/** Readable only by its owner. Returns its length in bytes. */
async function writeArchive(path: string, files: readonly GatheredFile[]): Promise<number> {
  const encoder = new TextEncoder();
  const folder = basename(path).replace(/\.tar\.gz$|\.tgz$/, "");
  const entries = files.map(({ name, text }) => ({
    name: `${folder}/${name}`,
    content: encoder.encode(text),
    mode: 0o600,
  }));
  const archive = gzipSync(tarOf(entries, { modifiedAtMs: systemClock.now() }));
  await using output = await openOutput(path, { mode: 0o600 });
  await output.write(archive);
  await output.finish();
  return archive.length;
}
