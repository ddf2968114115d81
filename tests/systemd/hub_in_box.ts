/** A hub inside a box, spoken to by curl with an API token. */
import type { ArrivedImport } from "../e2e/hub.ts";
import type { Box } from "./box.ts";

const folder = "/var/lib/test-hub";
const url = "http://127.0.0.1:8080";

/** The hub. It ends with the box. */
export class HubInBox {
  readonly url = url;
  readonly #box: Box;
  readonly #program: string;
  #token = "";

  private constructor(box: Box, program: string) {
    this.#box = box;
    this.#program = program;
  }

  /** Starts the hub of the executable. */
  static async start(box: Box, program: string): Promise<HubInBox> {
    const hub = new HubInBox(box, program);
    await hub.restart();
    const { printed } = await box.run([program, "hub", "token", "add", "--data", folder, "--json", "tests"]);
    hub.#token = JSON.parse(printed.trim().split("\n").at(-1) ?? "").token;
    return hub;
  }

  /** After the box was restarted. */
  async restart(): Promise<void> {
    const serve = `"${this.#program}" hub --data ${folder} --listen 127.0.0.1:8080 --json`;
    await this.#box.sh(`systemd-run --quiet --unit=test-hub --collect ${serve}`);
    await this.#box.waitFor(`curl -s -o /dev/null -w '%{http_code}' ${url}/`, /[2-4]\d\d/);
  }

  // deno-lint-ignore no-explicit-any -- answers of many shapes, checked by the tests
  async ask(method: string, path: string, body?: unknown): Promise<any> {
    const headers = ["-H", `authorization: Bearer ${this.#token}`, "-H", "content-type: application/json"];
    const data = body === undefined ? [] : ["--data-binary", JSON.stringify(body)];
    const command = ["curl", "-sS", "--fail-with-body", "-X", method, ...headers, ...data, url + path];
    const { code, printed } = await this.#box.run(command);
    if (code !== 0) throw new Error(`${method} ${path}: ${printed}`);
    return printed === "" ? undefined : JSON.parse(printed);
  }

  async addIntegration(name = "Test"): Promise<string> {
    return (await this.ask("POST", "/api/v1/integrations", { name, type: "csv" })).id;
  }

  async connect(integration: string, pin: string): Promise<void> {
    await this.ask("POST", `/api/v1/integrations/${integration}/link`, { pin });
  }

  async imports(integration: string): Promise<ArrivedImport[]> {
    return (await this.ask("GET", `/api/v1/integrations/${integration}/imports?limit=200`)).items;
  }

  /** Waits until so many rows of a database have arrived. */
  async waitForRows(integration: string, count: number): Promise<void> {
    const deadline = performance.now() + 120_000;
    while (true) {
      const { rows } = await this.ask("GET", `/api/v1/integrations/${integration}/windows`);
      if (rows === count) return;
      if (performance.now() > deadline) throw new Error(`${rows} rows arrived of ${count}`);
      await new Promise<void>((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Waits for files of these names. */
  async waitForFiles(integration: string, names: readonly string[]): Promise<void> {
    const deadline = performance.now() + 120_000;
    while (true) {
      const arrived = (await this.imports(integration)).map(({ fileName }) => fileName);
      if (names.every((name) => arrived.includes(name))) return;
      if (performance.now() > deadline) throw new Error(`Only ${arrived} arrived of ${names}`);
      await new Promise<void>((resolve) => setTimeout(resolve, 100));
    }
  }
}
