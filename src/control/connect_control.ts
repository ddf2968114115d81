/** The commands' end of the control channel. */
import { request, type RequestOptions } from "node:http";
import * as z from "zod";
import type { CheckLine } from "./check_line.ts";
import { type ControlAddress, controlAddress, tokenHeader } from "./control_address.ts";
import { AgentStatus, CheckLines, PinOffer } from "./status.ts";
import { anySignal } from "../runtime/any_signal.ts";
import { parseJson } from "../runtime/parse_json.ts";

/** Longest wait for an answer, in ms: `check` tests a whole network. */
const answerTimeoutMs = 120_000;
/** Longest answer, in characters. */
const answerCharactersMax = 1024 * 1024;

/** A running agent. */
export interface ControlClient {
  status(signal: AbortSignal): Promise<AgentStatus>;
  pin(signal: AbortSignal): Promise<PinOffer>;
  check(signal: AbortSignal): Promise<readonly CheckLine[]>;
  accept(fingerprint: string, signal: AbortSignal): Promise<void>;
}

/** The agent has ended, or does not answer this user. `message` says what to do. */
export class ControlError extends Error {
  override readonly name: string = "ControlError";
}

/** The agent was asked, but could not do it. `message` says why. */
class AgentFailedError extends ControlError {
  override readonly name = "AgentFailedError";
}

const Port = z.object({ port: z.number().int().min(1).max(65535), token: z.string().min(32) });
const Failure = z.object({ error: z.string() });

/**
 * Connects to the agent of a state folder; `undefined` if none is running.
 *
 * @throws {ControlError} if this user is not permitted to
 */
export async function connectControl(
  stateFolder: string,
  options: { address?: ControlAddress } = {},
): Promise<ControlClient | undefined> {
  const { address = controlAddress(stateFolder) } = options;
  try {
    return address.kind === "socket" ? await connectSocket(address.path) : await connectPort(address.file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return undefined;
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    const remedy = Deno.build.os === "windows" ? "Run it in a console as administrator" : "Run it with sudo";
    throw new ControlError(`Cannot talk to the agent of "${stateFolder}": this user is not allowed to. ${remedy}.`, {
      cause: error,
    });
  }
}

async function connectSocket(path: string): Promise<ControlClient> {
  (await Deno.connect({ transport: "unix", path })).close();
  return controlClient({ socketPath: path });
}

async function connectPort(file: string): Promise<ControlClient | undefined> {
  const parsed = Port.safeParse(parseJson(await Deno.readTextFile(file)));
  if (!parsed.success) return undefined;
  const { port, token } = parsed.data;
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  return controlClient({ host: "127.0.0.1", port, headers: { [tokenHeader]: token } });
}

function controlClient(channel: RequestOptions): ControlClient {
  const ask = async <T>(method: string, path: string, options: { schema: z.ZodType<T>; signal: AbortSignal }) => {
    const { schema, signal } = options;
    using limit = anySignal(signal, AbortSignal.timeout(answerTimeoutMs));
    let answer: { status: number; text: string };
    try {
      answer = await exchange({ ...channel, method, path, signal: limit.signal });
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      throw new ControlError("The agent has ended or does not answer. See its log, or start it again.", { cause });
    }
    const value = parseJson(answer.text);
    if (answer.status !== 200) {
      const failure = Failure.safeParse(value);
      throw new AgentFailedError(failure.success ? failure.data.error : `The agent answered ${answer.status}.`);
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new AgentFailedError("The running agent is a different version from this command. Restart the agent.", {
      cause: parsed.error,
    });
  };
  return {
    status: (signal) => ask("GET", "/status", { schema: AgentStatus, signal }),
    pin: (signal) => ask("POST", "/pin", { schema: PinOffer, signal }),
    check: (signal) => ask("POST", "/check", { schema: CheckLines, signal }),
    accept: async (fingerprint, signal) => {
      await ask("POST", `/accept?${new URLSearchParams({ fingerprint })}`, { schema: z.object({}), signal });
    },
  };
}

/** One request by node:http, which unlike fetch supports Unix sockets and ignores proxy variables. */
function exchange(options: RequestOptions): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > answerCharactersMax) sent.destroy(new Error("the answer is too long"));
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end();
  });
}
