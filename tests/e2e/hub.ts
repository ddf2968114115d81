/** A hub as its administrator runs it: the compiled executable's `hub`, spoken to with an API token. */
import { join } from "node:path";
import type { ServerCertificate } from "../egress/certificates.ts";
import { freePort } from "../free_port.ts";
import { executable } from "../setup/executable.ts";
import { Program, runProgram } from "./installation.ts";

/** How long anything that is waited for may take, in ms: busy machines are many times slower than others. */
const defaultPatienceMs = 180_000;

/** A program and its first arguments. */
export interface Command {
  readonly path: string;
  readonly args: readonly string[];
}

export interface ArrivedImport {
  readonly id: string;
  readonly fileName: string;
  readonly size: number;
  readonly sha256: string;
}

/** How a hub with TLS is reached. */
export interface HubTls {
  /** The name that the certificate is for, and that it listens on. */
  readonly host: string;
  readonly certificate: ServerCertificate;
  /** PEM of the authority that signed it. */
  readonly ca: string;
  /** Where else it listens, `host:port`, and what agents call it: the tests speak to it directly. */
  readonly apart?: { readonly listen: string; readonly publicUrl: string };
}

/** How a hub is started. */
export interface TestHubOptions {
  /** Another program to run as the hub. */
  readonly command?: Command;
  readonly tls?: HubTls;
  /** Further environment. */
  readonly env?: Record<string, string>;
  /** Its folder, removed in the end; a new one when absent. */
  readonly folder?: string;
}

/** A hub with its own data folder; it can be killed and started again on the same port. */
export class TestHub implements AsyncDisposable {
  readonly folder: string;
  readonly #command: Command;
  readonly #env: Record<string, string>;
  #program: Program;
  #token = "";
  readonly #client: Deno.HttpClient;
  url: string;

  private constructor(
    folder: string,
    { command, program, url, ca, env }: {
      command: Command;
      program: Program;
      url: string;
      ca: string | undefined;
      env: Record<string, string>;
    },
  ) {
    this.folder = folder;
    this.#command = command;
    this.#env = env;
    this.#program = program;
    this.url = url;
    this.#client = Deno.createHttpClient({ caCerts: ca === undefined ? [] : [ca] });
  }

  /** With TLS the certificate lies in the hub's folder. */
  static async start(
    { command = { path: executable, args: [] }, tls, env = {}, folder: given }: TestHubOptions = {},
  ): Promise<TestHub> {
    const folder = given ?? await Deno.makeTempDir({ prefix: "cloud-link-hub-" });
    if (tls !== undefined) {
      const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
      await Deno.writeTextFile(cert, tls.certificate.cert);
      await Deno.writeTextFile(key, tls.certificate.key);
      const named = tls.apart ? ["--public-url", tls.apart.publicUrl] : [];
      command = { path: command.path, args: [...command.args, "hub", "--tls-cert", cert, "--tls-key", key, ...named] };
    } else {
      command = { path: command.path, args: [...command.args, "hub"] };
    }
    const program = TestHub.#serve(folder, {
      command,
      address: tls?.apart?.listen ?? `${tls?.host ?? "127.0.0.1"}:${freePort()}`,
      env,
    });
    const readyAt = await readyUrl(program);
    const url = tls?.apart ? `https://${tls.apart.listen}` : readyAt;
    const hub = new TestHub(folder, { command, program, url, ca: tls?.ca, env });
    const { printed } = await runProgram(["hub", "token", "add", "--data", join(folder, "data"), "--json", "tests"]);
    hub.#token = JSON.parse(printed.trim().split("\n").at(-1) ?? "").token;
    return hub;
  }

  static #serve(
    folder: string,
    { command, address, env }: { command: Command; address: string; env: Record<string, string> },
  ): Program {
    const args = ["--data", join(folder, "data"), "--listen", address, "--json"];
    return new Program([...command.args, ...args], { path: command.path, env });
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** An API token of an administrator. */
  get token(): string {
    return this.#token;
  }

  /** What the running one has printed so far. */
  get printed(): string {
    return this.#program.printed;
  }

  /** kill -9, at once. */
  async kill(): Promise<void> {
    await this.#program.stop("SIGKILL");
  }

  /** Starts it again on the same port. */
  async restart(): Promise<void> {
    const address = new URL(this.url).host;
    this.#program = TestHub.#serve(this.folder, { command: this.#command, address, env: this.#env });
    await readyUrl(this.#program);
  }

  async request(method: string, path: string, body?: unknown): Promise<Response> {
    return await fetch(this.url + path, {
      client: this.#client,
      method,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  // deno-lint-ignore no-explicit-any -- answers of many shapes, checked by the tests
  async ask(method: string, path: string, body?: unknown): Promise<any> {
    const response = await this.request(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  async addIntegration(name = "Test"): Promise<string> {
    return (await this.ask("POST", "/api/v1/integrations", { name, type: "csv" })).id;
  }

  async connect(integration: string, pin: string): Promise<void> {
    await this.ask("POST", `/api/v1/integrations/${integration}/link`, { pin });
  }

  /** All imports, newest first. */
  async imports(integration: string): Promise<ArrivedImport[]> {
    const all: ArrivedImport[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const query = new URLSearchParams({ limit: "200", ...(cursor === "" ? {} : { cursor }) });
      const page: { items: ArrivedImport[]; next: string | null } = await this.ask(
        "GET",
        `/api/v1/integrations/${integration}/imports?${query}`,
      );
      all.push(...page.items);
      cursor = page.next;
    }
    return all;
  }

  async content(importId: string): Promise<Uint8Array<ArrayBuffer>> {
    return await (await this.request("GET", `/api/v1/imports/${importId}/content`)).bytes();
  }

  /** Waits until that many imports are there, or `until` says so. */
  async waitForImports(
    integration: string,
    until: number | ((imports: ArrivedImport[]) => boolean),
    { patienceMs = defaultPatienceMs }: { patienceMs?: number } = {},
  ): Promise<ArrivedImport[]> {
    const done = typeof until === "number" ? (imports: ArrivedImport[]) => imports.length >= until : until;
    const deadline = performance.now() + patienceMs;
    while (true) {
      const imports = await this.imports(integration);
      if (done(imports)) return imports;
      if (performance.now() > deadline) {
        throw new Error(`The hub has ${imports.length} imports only: ${imports.map(({ fileName }) => fileName)}`);
      }
      await new Promise<void>((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    await this.#program.stop("SIGKILL");
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function readyUrl(program: Program): Promise<string> {
  const [, url] = await program.waitFor(/"event":"ready","url":"([^"]+)"/);
  return url ?? "";
}
