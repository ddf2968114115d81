/** The hub's REST API as scripts use it: typed where tests need it, raw where they try what is not allowed. */
import type { Import, Installation, Integration, Page } from "../../src/hub/services.ts";
import { assertEquals } from "../assert.ts";
import { fetchWithin } from "./fetch_within.ts";

export class HubClient {
  readonly url: string;
  readonly token: string | undefined;

  constructor(options: { url: string; token?: string | undefined }) {
    this.url = options.url;
    this.token = options.token;
  }

  /** Any request; the caller reads the body. */
  request(method: string, path: string, options: { json?: unknown; headers?: HeadersInit } = {}): Promise<Response> {
    const headers = new Headers(options.headers);
    if (this.token !== undefined && !headers.has("authorization")) headers.set("authorization", `Bearer ${this.token}`);
    if (options.json !== undefined) headers.set("content-type", "application/json");
    return fetchWithin(`${this.url}${path}`, {
      method,
      headers,
      redirect: "manual",
      ...(options.json === undefined ? {} : { body: JSON.stringify(options.json) }),
    });
  }

  async createIntegration(name: string): Promise<Integration> {
    return await this.#json(201, await this.request("POST", "/api/v1/integrations", { json: { name, type: "csv" } }));
  }

  async integration(id: string): Promise<Integration> {
    return await this.#json(200, await this.request("GET", `/api/v1/integrations/${id}`));
  }

  async change(id: string, change: { name?: string; paused?: boolean; draft?: false }): Promise<Integration> {
    return await this.#json(200, await this.request("PATCH", `/api/v1/integrations/${id}`, { json: change }));
  }

  async remove(id: string): Promise<void> {
    const response = await this.request("DELETE", `/api/v1/integrations/${id}`);
    assertEquals(response.status, 204, await response.text());
  }

  /** Links the installation that shows `pin`. */
  async connect(id: string, pin: string): Promise<Installation> {
    return await this.#json(200, await this.request("POST", `/api/v1/integrations/${id}/link`, { json: { pin } }));
  }

  /** All imports, newest first. */
  async imports(id: string): Promise<readonly Import[]> {
    const imports: Import[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "limit=500" : `limit=500&cursor=${cursor}`;
      const response = await this.request("GET", `/api/v1/integrations/${id}/imports?${query}`);
      const page: Page<Import> = await this.#json(200, response);
      imports.push(...page.items);
      cursor = page.next;
    } while (cursor !== null);
    return imports;
  }

  async content(importId: string): Promise<Uint8Array> {
    const response = await this.request("GET", `/api/v1/imports/${importId}/content`);
    if (response.status !== 200) throw new Error(`content: ${response.status} ${await response.text()}`);
    return await response.bytes();
  }

  async #json<Body>(status: number, response: Response): Promise<Body> {
    const text = await response.text();
    assertEquals(response.status, status, text);
    return JSON.parse(text) as Body;
  }
}
