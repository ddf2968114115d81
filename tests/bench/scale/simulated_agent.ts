/**
 * An agent as the hub sees it: a token by its own key, an assignment held open, a report each minute, and a batch each
 * minute that goes whole with its declaration, as the agent sends small ones.
 */
import { Buffer } from "node:buffer";
import { createHash, createPrivateKey, type JsonWebKey, type KeyObject, sign } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import type { BatchDeclaration } from "../../../src/protocol/delivery.ts";
import { clientAssertionType } from "../../../src/protocol/linking.ts";
import { assignmentWaitSecondsMax } from "../../../src/protocol/assignment.ts";
import type { HttpConnection } from "./http_connection.ts";

/** A linked installation. */
export interface SimulatedInstallation {
  readonly clientId: string;
  readonly integrationId: string;
  readonly linkId: string;
  readonly privateKey: JsonWebKey;
}

/** Where measurements go. All in ms. */
export interface Readings {
  /** From the declaration's first byte to the receipt. */
  readonly receipts: number[];
  /** From the change in the hub to the assignment that has it. */
  readonly changes: number[];
  readonly tokens: number[];
  readonly reports: number[];
  /** What went wrong, by its first words. */
  readonly failures: Map<string, number>;
}

/** A batch's content, and as it is sent. */
export interface Content {
  readonly bytes: number;
  readonly sha256: string;
  readonly payload: string;
  readonly payloadBytes: number;
  readonly payloadSha256: string;
}

const everyMs = 60_000;
const retryMs = 5000;
/** A token is renewed this long before its end, in seconds. */
const renewBeforeSeconds = 60;
/** In a name: when it was changed, in ms since the epoch. */
const changedAt = / @(\d+)/;

/** A CSV file of about `bytes`, made once for all batches. */
export function makeContent(bytes: number): Content {
  let text = "queueidentifier,queuename,timestamp,offered,answered,handlingtime,channel\r\n";
  for (let row = 0; text.length < bytes; row++) {
    const noise = createHash("sha256").update(String(row)).digest();
    const numbers = [noise.readUInt16BE(0) % 200, noise.readUInt16BE(2) % 200, noise.readUInt16BE(4) % 20_000];
    const time = new Date(Date.UTC(2026, 0, 1) + row * 900_000).toISOString().slice(0, 19);
    text += `Q${noise.readUInt8(6)},Hotline ${noise.readUInt8(6)},${time},${numbers.join(",")},calls\r\n`;
  }
  const content = Buffer.from(text);
  const payload = zstdCompressSync(content);
  return {
    bytes: content.length,
    sha256: sha256(content),
    payload: payload.toString("base64"),
    payloadBytes: payload.length,
    payloadSha256: sha256(payload),
  };
}

/** What an agent needs. */
export interface SimulatedAgentOptions {
  readonly installation: SimulatedInstallation;
  readonly hubUrl: URL;
  readonly content: Content;
  readonly readings: Readings;
  /** A connection of its own: the assignment is held open on it. */
  readonly poll: HttpConnection;
  readonly api: HttpConnection;
  /** Where in the minute its batches and reports lie, in ms. */
  readonly phaseMs: number;
  readonly signal: AbortSignal;
}

/** Runs until the signal aborts and its connections are closed. */
export class SimulatedAgent {
  readonly #options: SimulatedAgentOptions;
  readonly #key: KeyObject;
  #authorization = "";
  #etag = "";
  #sequence = Math.floor(Date.now() / 1000);
  #seenChangeMs = 0;

  constructor(options: SimulatedAgentOptions) {
    this.#options = options;
    this.#key = createPrivateKey({ key: options.installation.privateKey, format: "jwk" });
  }

  /** Resolves once the agent has its token and its first assignment; from then on it works by itself. */
  async start(): Promise<void> {
    for (let begun = false; !begun;) {
      try {
        await this.#renew();
        await this.#poll(0);
        begun = true;
      } catch (error) {
        this.#failed(error);
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
    void this.#forever(() => this.#poll(assignmentWaitSecondsMax));
    const { phaseMs } = this.#options;
    this.#each(phaseMs, () => this.#deliver());
    this.#each((phaseMs + everyMs / 2) % everyMs, () => this.#report());
  }

  /** At `phaseMs` of each minute. */
  #each(phaseMs: number, act: () => Promise<void>): void {
    const { signal } = this.#options;
    const again = () => {
      if (signal.aborted) return;
      act().catch((error) => this.#failed(error));
      timer = setTimeout(again, everyMs);
    };
    const untilMs = (phaseMs - Date.now() % everyMs + everyMs) % everyMs;
    let timer = setTimeout(again, untilMs);
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  async #forever(act: () => Promise<void>): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      try {
        await act();
      } catch (error) {
        if (signal.aborted) return;
        this.#failed(error);
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  async #renew(): Promise<void> {
    const { installation, hubUrl, api, readings } = this.#options;
    const { clientId } = installation;
    const nowSeconds = Math.floor(Date.now() / 1000);
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${part({ alg: "ES256", typ: "JWT" })}.${
      part({
        iss: clientId,
        sub: clientId,
        aud: hubUrl.origin,
        jti: crypto.randomUUID(),
        iat: nowSeconds,
        exp: nowSeconds + 60,
      })
    }`;
    const signature = sign("sha256", Buffer.from(signed), { key: this.#key, dsaEncoding: "ieee-p1363" });
    const body = new URLSearchParams({
      grant_type: "client_credentials",
      client_id: clientId,
      client_assertion_type: clientAssertionType,
      client_assertion: `${signed}.${signature.toString("base64url")}`,
    }).toString();
    const startedMs = performance.now();
    const headers = "Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n";
    const answer = await api.request("POST", "/oauth/token", { headers, body });
    if (answer.status !== 200) throw new Error(`token: ${answer.status} ${answer.body.slice(0, 100)}`);
    readings.tokens.push(performance.now() - startedMs);
    const token = JSON.parse(answer.body) as { access_token: string; expires_in: number };
    this.#authorization = `Authorization: Bearer ${token.access_token}\r\nAccept: application/json\r\n`;
    const renewMs = (token.expires_in - renewBeforeSeconds) * 1000;
    const timer = setTimeout(() => this.#renew().catch((error) => this.#failed(error)), renewMs);
    this.#options.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  async #poll(waitSeconds: number): Promise<void> {
    const known = this.#etag === "" ? "" : `If-None-Match: ${this.#etag}\r\n`;
    const headers = `${this.#authorization}Prefer: wait=${waitSeconds}\r\n${known}`;
    const answer = await this.#options.poll.request("GET", "/api/v1/agent/assignment", { headers });
    if (answer.status === 304) return;
    if (answer.status !== 200) throw new Error(`assignment: ${answer.status} ${answer.body.slice(0, 100)}`);
    this.#etag = /\r\netag: ([^\r]+)/i.exec(answer.head)?.[1] ?? "";
    const changedMs = Number(changedAt.exec(answer.body)?.[1] ?? 0);
    if (changedMs > this.#seenChangeMs) this.#options.readings.changes.push(Date.now() - changedMs);
    this.#seenChangeMs = changedMs;
  }

  async #report(): Promise<void> {
    const startedMs = performance.now();
    const body = JSON.stringify({ version: "0.1.0", waiting: { batches: 0, bytes: 0 }, problem: null });
    await this.#send("PUT", "/api/v1/agent/status", { body, expected: 204 });
    this.#options.readings.reports.push(performance.now() - startedMs);
  }

  async #deliver(): Promise<void> {
    const { content, installation, readings } = this.#options;
    const sequence = ++this.#sequence;
    const fileName = `calls-${sequence}.csv`;
    const declaration: BatchDeclaration = {
      id: sha256(`${installation.integrationId}\n${fileName}\n${content.sha256}`),
      linkId: installation.linkId,
      sequence,
      lane: "live",
      origin: { kind: "csv", fileName, modifiedAt: new Date().toISOString() },
      sha256: content.sha256,
      bytes: content.bytes,
      payloadSha256: content.payloadSha256,
      payloadBytes: content.payloadBytes,
      createdAt: new Date().toISOString(),
    };
    const startedMs = performance.now();
    const body = `{"batches":[{"declaration":${JSON.stringify(declaration)},"payload":"${content.payload}"}]}`;
    const answer = await this.#send("POST", "/api/v1/agent/batches/whole", { body, expected: 200 });
    if (!answer.includes('"state":"received"')) throw new Error(`batch: ${answer.slice(0, 100)}`);
    readings.receipts.push(performance.now() - startedMs);
  }

  async #send(method: string, path: string, { body, expected }: { body: string; expected: number }): Promise<string> {
    const headers = `${this.#authorization}Content-Type: application/json\r\n`;
    const answer = await this.#options.api.request(method, path, { headers, body });
    if (answer.status !== expected) throw new Error(`${path}: ${answer.status} ${answer.body.slice(0, 100)}`);
    return answer.body;
  }

  #failed(error: unknown): void {
    if (this.#options.signal.aborted) return;
    const { failures } = this.#options.readings;
    const text = (error instanceof Error ? error.message : String(error)).slice(0, 80);
    failures.set(text, (failures.get(text) ?? 0) + 1);
  }
}

function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
