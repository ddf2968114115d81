/**
 * Files of the import folder: any name that a file system takes, any content. What is imported is byte for byte what lay
 * there, under its own name, and the name breaks no header of a download.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { attachment } from "../../../src/hub/http/content_disposition.ts";
import { BatchOrigin } from "../../../src/protocol/delivery.ts";
import { CsvIntake, type CsvLedger } from "../../../src/source/csv_intake.ts";
import { isImportName, lookAt } from "../../../src/source/csv_file.ts";
import { batchId } from "../../../src/spool/batch_id.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { openFixture } from "../../spool/spool_fixture.ts";
import type { Random } from "../random.ts";
import { require, requireMessage, type Target } from "../target.ts";

const words: readonly string[] = [
  ".csv",
  ".CSV",
  ".csv.part",
  "~$",
  ".",
  "..",
  "../",
  "\\",
  "CON",
  "a,b\r\n1,2\r\n",
  '"a"",b"\n',
  "\ufeff",
  "injixo-cloud-link.log",
  "x".repeat(255),
];

const never = new AbortController().signal;
/** Longest name that common file systems take, in bytes. */
const nameBytesMax = 255;

/** Makes the target: a folder and a spool. */
export async function makeTarget(): Promise<Target> {
  const root = await Deno.makeTempDir({ prefix: "fuzz-" });
  const folder = join(await Deno.realPath(root), "import");
  await Deno.mkdir(folder);
  const fixture = await openFixture(root);
  const known = new Set<string>();
  const ledger: CsvLedger = {
    file: () => undefined,
    hasContent: (sha256) => known.has(sha256),
    record: ({ sha256 }) => void known.add(sha256),
    forgetFiles() {},
  };
  const intake = new CsvIntake({ spool: fixture.spool, ledger, clock: systemClock });
  return {
    form: "json",
    words,
    generate: (random: Random) =>
      JSON.stringify({
        name: random.text(random.oneIn(20) ? 300 : 12) + random.pick([".csv", ".csv", ".CSV", ""]),
        content: random.many(8, () => random.pick(words)).join("") + random.text(40),
      }),
    async run(input) {
      const { name, content } = inputOf(input);
      await tryFile({ name, content, input }, { folder, intake, fixture, known });
    },
    async [Symbol.asyncDispose]() {
      await fixture[Symbol.asyncDispose]();
      await Deno.remove(root, { recursive: true });
    },
  };
}

async function tryFile(
  { name, content, input }: { name: string; content: Uint8Array; input: string },
  { folder, intake, fixture, known }: {
    folder: string;
    intake: CsvIntake;
    fixture: Awaited<ReturnType<typeof openFixture>>;
    known: Set<string>;
  },
): Promise<void> {
  requireHeader(name);
  const isName = name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name) &&
    new TextEncoder().encode(name).length <= nameBytesMax;
  if (!isName) {
    const look = await lookAt(name.replaceAll("\0", ""), { path: folder, ownPaths: [] });
    if (look.state === "unreadable") requireMessage(look.reason, input);
    return;
  }
  const path = join(folder, name);
  await Deno.writeFile(path, content);
  try {
    const look = await lookAt(name, { path: folder, ownPaths: [] });
    if (look.state !== "file" || !isImportName(name)) return;
    known.clear();
    const intaken = await intake.take(
      { path, realPath: look.path, version: look.version, isBeingWritten: () => false },
      never,
    );
    if (intaken.state === "failed") {
      require(content.length === 0, () => `Not taken: ${intaken.reason}`);
      return requireMessage(intaken.reason, input);
    }
    // The content may have been there before, under another name.
    if (intaken.state === "admitted") await requireDelivered({ name, content }, fixture);
  } finally {
    await Deno.remove(path);
  }
}

/** What is delivered says the file's name and is its content; afterwards the spool is empty again. */
async function requireDelivered(
  { name, content }: { name: string; content: Uint8Array },
  { spool }: Awaited<ReturnType<typeof openFixture>>,
): Promise<void> {
  const batch = spool.next({ except: new Set(), limit: 1 })[0];
  require(batch !== undefined, () => "Nothing waits");
  const { declaration } = batch;
  const payload = await batch.read(0, declaration.payloadBytes);
  require(zstdDecompressSync(payload).equals(content), () => "The content is another one");
  require(declaration.sha256 === createHash("sha256").update(content).digest("hex"), () => "Not its SHA-256");
  const origin = BatchOrigin.parse(JSON.parse(JSON.stringify(declaration.origin)));
  require(origin.kind === "csv" && origin.fileName === name, () => `It is called ${JSON.stringify(origin)}`);
  const integration = { accountId: "account-1", integrationId: "integration-1" };
  require(batchId({ integration, origin, sha256: declaration.sha256 }) === declaration.id, () => "Another id");
  spool.acknowledge([{ batch: declaration.id, receivedAt: new Date().toISOString() }]);
}

/** RFC 6266 and 8187: the header is one line of ASCII, and the name can be read from it. */
function requireHeader(name: string): void {
  const header = attachment(name);
  require(/^attachment; filename="[\x20-\x7e]*"; filename\*=UTF-8''[\x21-\x7e]*$/.test(header), () => header);
  const full = decodeURIComponent(header.split("; filename*=UTF-8''").at(-1) ?? "");
  require(full === name.replaceAll(/[\p{Cc}/\\]/gu, "_").toWellFormed(), () => `${JSON.stringify(full)} in ${header}`);
  new Headers({ "content-disposition": header });
}

function inputOf(input: string): { name: string; content: Uint8Array } {
  let value: { name?: unknown; content?: unknown } = { name: input, content: input };
  try {
    const parsed = JSON.parse(input);
    if (typeof parsed === "object" && parsed !== null) value = parsed;
  } catch {
    // It is the name and the content itself then.
  }
  const text = String(value.content ?? "");
  // Half of the inputs are bytes of any kind, half are text.
  const content = text.length % 2 === 0
    ? new TextEncoder().encode(text)
    : Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
  return { name: String(value.name ?? "").toWellFormed(), content };
}
