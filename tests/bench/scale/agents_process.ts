/** The bench's side of a process of simulated agents. */
import { TextLineStream } from "../../hub/text_line_stream.ts";
import type { Command, Reading, Setup } from "./agents_main.ts";

/** Started; disposing it ends all its agents. */
export interface AgentsProcess extends AsyncDisposable {
  /** Sends a command and waits for what was measured. */
  run(command: Command): Promise<Reading>;
}

/** Starts a process that stands for the given installations. */
export async function startAgents(setup: Setup): Promise<AgentsProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", "--quiet", new URL("./agents_main.ts", import.meta.url).pathname],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = child.stdin.getWriter();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  const answers = lines[Symbol.asyncIterator]();
  const send = (value: unknown) => input.write(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
  await send(setup);
  return {
    async run(command) {
      await send(command);
      const { value, done } = await answers.next();
      if (done === true) throw new Error("the simulated agents have ended");
      return JSON.parse(value) as Reading;
    },
    async [Symbol.asyncDispose]() {
      await input.close().catch(() => {});
      await child.stdout.cancel().catch(() => {});
      await child.status;
    },
  };
}
