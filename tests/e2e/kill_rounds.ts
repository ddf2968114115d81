/** Files arrive while agent and hub are killed at random moments; afterwards each must be at the hub once, unchanged. */
import { createHash } from "node:crypto";
import { seededRandom } from "../../src/runtime/seeded_random.ts";
import { TestHub } from "./hub.ts";
import { Installation, type Program } from "./installation.ts";

/** What was found at the hub in the end. */
export interface Outcome {
  readonly dropped: number;
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly changed: readonly string[];
  /** How often each was killed. */
  readonly kills: { readonly agent: number; readonly hub: number };
}

export interface KillOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly hub: TestHub;
  /** Ends the rounds early. */
  readonly enough?: (imports: readonly { sha256: string }[]) => boolean;
}

/** Longest time between two kills, in ms. */
const betweenKillsMsMax = 500;

/** Plays the rounds and compares. */
export async function killRounds({ rounds, seed, hub, enough = () => false }: KillOptions): Promise<Outcome> {
  const random = seededRandom(seed);
  await using installation = await Installation.make(hub.url);
  const integration = await hub.addIntegration();
  let agent: Program = installation.start();
  const dropped = new Map<string, string>();
  const kills = { agent: 0, hub: 0 };
  try {
    await hub.connect(integration, (await agent.waitFor(/Enter your pin: (\d{6})/))[1] ?? "");
    await agent.waitFor(/Linked to the integration/);
    await installation.drop("first.csv", "first\n");
    dropped.set("first.csv", sha256("first\n"));
    await hub.waitForImports(integration, 1);
    for (let round = 0; round < rounds; round++) {
      for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
        const name = `round-${round}-${count}.csv`;
        const content = `${name}\n`.repeat(1 + Math.floor(random() ** 6 * 200_000));
        dropped.set(name, sha256(content));
        await installation.drop(name, content);
      }
      await pause(random() * betweenKillsMsMax);
      if (random() < 0.5) {
        await agent.stop("SIGKILL");
        agent = installation.start();
        kills.agent++;
      } else {
        await hub.kill();
        await hub.restart();
        kills.hub++;
      }
      if (round % 10 === 9 && enough(await hub.imports(integration))) break;
    }
    const arrived = await hub.waitForImports(
      integration,
      (imports) => new Set(imports.map(({ sha256 }) => sha256)).size >= dropped.size,
      { patienceMs: 120_000 },
    ).catch(() => hub.imports(integration));
    return { ...await compare(dropped, { arrived, hub }), kills };
  } finally {
    await agent.stop("SIGKILL");
  }
}

async function compare(
  dropped: ReadonlyMap<string, string>,
  { arrived, hub }: { arrived: Awaited<ReturnType<TestHub["imports"]>>; hub: TestHub },
): Promise<Omit<Outcome, "kills">> {
  const lost: string[] = [];
  const doubled: string[] = [];
  const changed: string[] = [];
  for (const [name, expected] of dropped) {
    const [first, ...more] = arrived.filter(({ fileName }) => fileName === name);
    if (first === undefined) {
      lost.push(name);
      continue;
    }
    if (more.length > 0) doubled.push(name);
    if (sha256(await hub.content(first.id)) !== expected) changed.push(name);
  }
  return { dropped: dropped.size, lost, doubled, changed };
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
