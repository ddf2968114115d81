/**
 * Files of the spool folder: batch files that were cut, damaged, or made by somebody else, under any name. Opening the
 * spool takes in what is whole, sets the rest aside, loses nothing that is, and never fails.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { BatchDamagedError } from "../../../src/agent/ports.ts";
import { batchFileName, Checks, encodeFooter } from "../../../src/spool/batch_file.ts";
import { batchId } from "../../../src/spool/batch_id.ts";
import { openStateDatabase } from "../../../src/state/state_database.ts";
import { SimulatedDisk } from "../../durable/simulated_disk.ts";
import { csvOrigin, makeLink, openFixture, queryOrigin } from "../../spool/spool_fixture.ts";
import type { Json } from "../mutate.ts";
import type { Random } from "../random.ts";
import { require, type Target } from "../target.ts";

const link = makeLink("integration-1", "link-1");
const integration = { accountId: link.account.id, integrationId: link.integration.id };

/** One file: how it is made, and what is done to it. Bytes are characters of one byte each. */
interface File {
  /** Absent: the right one. */
  readonly name?: string;
  readonly content: string;
  /** Replaces members of the footer, whose checksum is right nevertheless. */
  readonly footer?: { readonly [member: string]: Json };
  /** Replaces the footer's JSON. */
  readonly footerText?: string;
  /** What is put in place of so many bytes at this place; negative counts from the end. */
  readonly damage?: { readonly at: number; readonly bytes: number; readonly put: string };
}

const words: readonly string[] = [
  "live-0000000000000001-",
  "history-",
  ".batch",
  "injixoB1",
  "2026-01-01T00:00:00Z",
  "query",
  "csv",
  "a".repeat(64),
  "integration-1",
  "../x.batch",
  "incoming",
];

/** Makes the target. */
export function makeTarget(): Promise<Target> {
  return Promise.resolve({
    form: "json",
    words,
    generate,
    run,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

function generate(random: Random): string {
  const files = random.many(3, (): File => ({
    ...(random.oneIn(4) ? { name: random.pick(["x.batch", "notes.txt", `live-1-${"a".repeat(64)}.batch`]) } : {}),
    content: random.oneIn(3) ? "a" : random.text(20),
    ...(random.oneIn(3) ? { footer: random.pick(footers) } : {}),
    ...(random.oneIn(8) ? { footerText: random.pick(["", "{", "null", "[]", '{"batch":null}', random.text(10)]) } : {}),
    ...(random.oneIn(3)
      ? { damage: { at: random.below(300) - 150, bytes: random.below(20), put: random.text(random.below(3)) } }
      : {}),
  }));
  return JSON.stringify(files);
}

const footers: readonly { readonly [member: string]: Json }[] = [
  { sequence: 2 },
  { lane: "history" },
  { origin: JSON.parse(JSON.stringify(queryOrigin())) },
  { origin: { kind: "csv", fileName: "../x.csv", modifiedAt: "9999-12-31T23:59:59Z" } },
  { id: "b".repeat(64) },
  { payloadBytes: 0 },
  { bytes: 2 ** 36 },
  { createdAt: "0000-01-01T00:00:00Z" },
];

async function run(input: string): Promise<void> {
  const files = filesOf(input);
  const disk = new SimulatedDisk({ random: () => 0 });
  const whole = await writeFiles(disk, files);
  using database = openStateDatabase(":memory:");
  const options = { fs: disk, database, link };
  // Opened again, it finds what it left; not every time, since opening is most of the work.
  for (let opening = 0; opening < (input.length % 8 === 0 ? 2 : 1); opening++) {
    await using fixture = await openFixture("/r", options);
    require(fixture.lost.length === 0, () => `${fixture.lost.length} batches count as lost`);
    const waiting = new Set<string>();
    for (const { declaration, read } of fixture.spool.next({ except: new Set(), limit: 100 })) {
      const payload = await read(0, declaration.payloadBytes).catch((error: unknown) => {
        // Payloads are checked when they are read; the sender then sets the batch aside.
        if (error instanceof BatchDamagedError && !whole.has(declaration.id)) return undefined;
        throw error;
      });
      if (payload === undefined) continue;
      require(sha256(payload) === declaration.payloadSha256, () => "A payload that is not what was declared");
      waiting.add(declaration.id);
    }
    for (const [id, content] of whole) require(waiting.has(id), () => `The whole batch of ${content} is not there`);
  }
  const left = (await disk.list("/r/spool")).filter(({ name, isFile }) => isFile && !name.endsWith(".batch"));
  require(left.length === 0, () => `${left.length} foreign files are still there`);
}

/** Writes the files; answers the batches that are whole under their right names. */
async function writeFiles(disk: SimulatedDisk, files: readonly File[]): Promise<ReadonlyMap<string, string>> {
  await disk.makeFolder("/r/spool/incoming");
  const whole = new Map<string, string>();
  const taken = new Set<string>();
  for (const [index, file] of files.entries()) {
    const made = makeFile(file, index + 1);
    if (taken.has(made.name)) continue;
    taken.add(made.name);
    using out = await disk.create(`/r/spool/${made.name}`);
    await out.write(made.bytes);
    await out.sync();
    if (made.isWhole) whole.set(made.id, file.content);
  }
  await disk.syncFolder("/r/spool");
  return whole;
}

function makeFile(file: File, sequence: number): { name: string; bytes: Uint8Array; id: string; isWhole: boolean } {
  const content = bytesOf(file.content);
  const payload = new Uint8Array(zstdCompressSync(content));
  const checks = new Checks();
  checks.update(payload);
  const id = batchId({ integration, origin: csvOrigin(), sha256: sha256(content) });
  const batch = {
    id,
    sequence,
    lane: "live" as const,
    origin: csvOrigin(),
    sha256: sha256(content),
    bytes: content.length,
    payloadSha256: sha256(payload),
    payloadBytes: payload.length,
    createdAt: "2026-01-01T00:00:00Z",
    ...file.footer as Record<never, never>,
  };
  const footer = file.footerText === undefined
    ? encodeFooter({ ...integration, batch })
    : footerOf(new TextEncoder().encode(file.footerText));
  const right = new Uint8Array(Buffer.concat([payload, checks.encode(), footer]));
  const isPlain = file.footer === undefined && file.footerText === undefined && file.name === undefined;
  const rightName = nameOf(() => batchFileName(batch));
  const bytes = file.damage === undefined ? right : damaged(right, file.damage);
  const isWhole = isPlain && sha256(bytes) === sha256(right) && zstdDecompressSync(payload).equals(content);
  return { name: nameOf(() => file.name ?? rightName), bytes, id, isWhole };
}

/** What is no name of a file gets another one. */
function nameOf(make: () => string): string {
  const name = make().replaceAll(/[\0/]/g, "_");
  return name === "" || name === "." || name === ".." || name === "incoming" ? "x" : name;
}

/** As `encodeFooter` does, for what is no footer. */
function footerOf(json: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, json.length, true);
  const digest = createHash("sha256").update(json).digest();
  return new Uint8Array(Buffer.concat([json, length, digest, new TextEncoder().encode("injixoB1")]));
}

function damaged(bytes: Uint8Array, { at, bytes: count, put }: NonNullable<File["damage"]>): Uint8Array {
  const from = Math.min(bytes.length, at < 0 ? Math.max(0, bytes.length + at) : at);
  return new Uint8Array(
    Buffer.concat([bytes.subarray(0, from), bytesOf(put), bytes.subarray(from + Math.max(0, count))]),
  );
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function filesOf(input: string): readonly File[] {
  let value: unknown;
  try {
    value = JSON.parse(input);
  } catch {
    return [{ content: input }, { name: "x.batch", content: input, damage: { at: 0, bytes: 1 << 20, put: input } }];
  }
  if (!Array.isArray(value)) return [];
  return value.slice(0, 8).filter((one) => typeof one === "object" && one !== null).map((one): File => ({
    content: String(one.content ?? ""),
    ...(typeof one.name === "string" ? { name: one.name.toWellFormed() } : {}),
    ...(typeof one.footer === "object" && one.footer !== null ? { footer: one.footer } : {}),
    ...(typeof one.footerText === "string" ? { footerText: one.footerText } : {}),
    ...(typeof one.damage === "object" && one.damage !== null
      ? {
        damage: {
          at: Number(one.damage.at) | 0,
          bytes: Number(one.damage.bytes) | 0,
          put: String(one.damage.put ?? ""),
        },
      }
      : {}),
  }));
}
