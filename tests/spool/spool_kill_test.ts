/**
 * The spool in a real process on the real disk, killed at random moments. `SPOOL_KILL_SEED` repeats them as far as the
 * machine does, `SPOOL_KILL_ROUNDS` says how many.
 */
import { zstdDecompressSync } from "node:zlib";
import { seededRandom } from "../../src/runtime/seeded_random.ts";
import { csvLedger } from "../../src/state/csv_ledger.ts";
import { openStateDatabase } from "../../src/state/state_database.ts";
import { assert, assertEquals } from "../assert.ts";
import { makeLink, openFixture } from "./spool_fixture.ts";

const rounds = Number(Deno.env.get("SPOOL_KILL_ROUNDS") ?? 8);
/** Confirmations after which a child is killed, at most. */
const killAfterMax = 60;

/** Runs the child, kills it after some confirmations, and returns all it said. */
async function runAndKill(
  root: string,
  { round, random }: { round: number; random: () => number },
): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("kill_child.ts", import.meta.url).pathname, root, String(round)],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const killAfter = 1 + Math.floor(random() * killAfterMax);
  const lines: string[] = [];
  let rest = "";
  let isKilled = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
    if (lines.length >= killAfter && !isKilled) {
      isKilled = true;
      child.kill("SIGKILL");
    }
  }
  const status = await child.status;
  assertEquals(status.signal, "SIGKILL");
  return lines;
}

Deno.test("spool has every confirmed batch, whole and once, after kill -9 at random moments", async () => {
  const seed = Number(Deno.env.get("SPOOL_KILL_SEED") ?? Date.now() % 1_000_000);
  try {
    await killRounds(seededRandom(seed));
  } catch (cause) {
    throw new Error(`Failed with SPOOL_KILL_SEED=${seed}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
});

async function killRounds(random: () => number): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    const admitted = new Set<string>();
    const maybeDelivered = new Set<string>();
    for (let round = 1; round <= rounds; round++) {
      for (const line of await runAndKill(root, { round, random })) {
        const said = JSON.parse(line) as { admitted?: string; acknowledging?: string };
        if (said.admitted !== undefined) admitted.add(said.admitted);
        if (said.acknowledging !== undefined) maybeDelivered.add(said.acknowledging);
      }
      const database = openStateDatabase(`${root}/state.db`);
      {
        await using fixture = await openFixture(root, { database, link: makeLink("integration-1", "link-1") });
        assertEquals(fixture.lost, []);
        const seen = new Set<string>();
        const except = new Set<string>();
        const next = () => fixture.spool.next({ except, limit: 1 })[0];
        for (let batch = next(); batch !== undefined; batch = next()) {
          except.add(batch.declaration.id);
          assert(batch.declaration.origin.kind === "csv");
          const { fileName } = batch.declaration.origin;
          assert(!seen.has(fileName), `${fileName} is there twice`);
          seen.add(fileName);
          const content = zstdDecompressSync(await batch.read(0, batch.declaration.payloadBytes));
          assert(content.toString().startsWith(`${fileName}\n`), `${fileName} has another content`);
          assertEquals(content.length, batch.declaration.bytes);
        }
        for (const name of admitted) {
          assert(seen.has(name) || maybeDelivered.has(name), `round ${round}: ${name} was lost`);
          assert(csvLedger(database, 1).file(name) !== undefined, `round ${round}: ${name} was not recorded`);
        }
      }
      database[Symbol.dispose]();
    }
    assert(admitted.size > rounds, "the children hardly did anything");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
