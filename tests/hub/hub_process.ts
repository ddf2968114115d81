/** A hub in a process of its own, to be killed. */
import { TextLineStream } from "./text_line_stream.ts";

export interface HubProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** The password of the administrator, when this start made one. */
  readonly password: string | undefined;
  /** Sends a signal and waits for the end. */
  stop(signal: "SIGKILL" | "SIGTERM"): Promise<Deno.CommandStatus>;
}

/** Starts one on `dataDirectory`; resolves when it serves. */
export async function startHubProcess(
  dataDirectory: string,
  options: { listen?: string; denoArguments?: readonly string[]; filesMax?: number } = {},
): Promise<HubProcess> {
  const { filesMax } = options;
  // Deno raises the limit of open files as far as it may, so the highest one is lowered.
  const limit = filesMax === undefined ? [] : ["prlimit", `--nofile=${filesMax}`, Deno.execPath()];
  const [program = Deno.execPath(), ...before] = limit;
  const child = new Deno.Command(program, {
    args: [
      ...before,
      "run",
      "-A",
      "--no-check",
      ...options.denoArguments ?? [],
      new URL("./hub_main.ts", import.meta.url).pathname,
      dataDirectory,
      options.listen ?? "127.0.0.1:0",
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  let url: string | undefined;
  let password: string | undefined;
  // The pipe is read to its end all the same, or the sanitizer would find it open.
  const ready = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const line of lines) {
      const event = JSON.parse(line) as { event: string; url?: string; password?: string };
      if (event.event === "administrator") password = event.password;
      if (event.event === "ready") {
        url = event.url;
        ready.resolve();
      }
    }
    ready.reject(new Error("the hub ended before it was ready"));
  })();
  ready.promise.catch(() => {});
  await ready.promise;
  if (url === undefined) throw new Error("the hub told no address");
  let ended: Promise<Deno.CommandStatus> | undefined;
  const stop = (signal: "SIGKILL" | "SIGTERM") => {
    ended ??= (async () => {
      child.kill(signal);
      const status = await child.status;
      await reading;
      return status;
    })();
    return ended;
  };
  return {
    url,
    pid: child.pid,
    password,
    stop,
    async [Symbol.asyncDispose]() {
      await stop("SIGKILL");
    },
  };
}
