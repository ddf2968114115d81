/**
 * Admits batches in a loop until it is killed, several at a time, some of them streamed, some acknowledged; says on
 * standard output, one JSON line each, what it is certain of.
 */
import { csvLedger } from "../../src/state/csv_ledger.ts";
import { acknowledge, csvOrigin, makeLink, openFixture, put } from "./spool_fixture.ts";

const [root = "", round = ""] = Deno.args;
const parallel = 4;

// Synchronously, so that what is said has left the process before anything else happens.
function say(line: unknown): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}

const { spool, database } = await openFixture(root, { link: makeLink("integration-1", "link-1") });
const ledger = csvLedger(database, 1);
let n = 0;
await Promise.all(Array.from({ length: parallel }, async () => {
  for (;;) {
    const name = `${round}-${n++}`;
    const length = n % 10 === 0 ? 150_000 : 200;
    await put(spool, `${name}\n`.repeat(length), {
      origin: csvOrigin(name),
      alongside: (id) =>
        ledger.record({ path: name, bytes: 1, modifiedMs: 1, inode: "1", sha256: id }, { at: Date.now() }),
    });
    say({ admitted: name });
    if (n % 7 !== 0) continue;
    const batch = spool.next({ except: new Set(), limit: 1 })[0];
    if (batch?.declaration.origin.kind !== "csv") continue;
    say({ acknowledging: batch.declaration.origin.fileName });
    acknowledge(spool, batch.declaration.id);
  }
}));
