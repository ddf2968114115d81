/** Batches of rows as an agent makes them, and waiting until the hub has loaded them. */
import { zstdCompressSync } from "node:zlib";
import type { Integration, LoadedWindow, RowsSummary } from "../../../src/hub/services.ts";
import type { DataType } from "../../../src/protocol/database.ts";
import { partBytesMax } from "../../../src/protocol/delivery.ts";
import { columnsOf } from "../../../src/source/columns.ts";
import { assertEquals } from "../../assert.ts";
import type { HubClient } from "../hub_client.ts";
import { sha256, TestAgent, type TestBatch } from "../test_agent.ts";

export interface QueryBatch {
  readonly dataType: DataType;
  /** RFC 3339. */
  readonly from: string;
  readonly to: string;
  readonly sequence: number;
  readonly rows: readonly (readonly string[])[];
  /** @default those of the data type, in order */
  readonly columns?: readonly string[];
  /** @default "Europe/Berlin" */
  readonly timeZone?: string;
  readonly lane?: "live" | "history";
  readonly refused?: { readonly rows: number; readonly reasons: readonly string[] };
  /** What the agent says it counted, if that is not the truth. */
  readonly declaredRows?: number;
}

export const baseSettings = {
  databaseType: "sqlite",
  file: "acd.db",
  timeZone: "Europe/Berlin",
  query: "SELECT * FROM calls",
  history: null,
} as const;

/** A database integration with an installation. */
export async function linkedDatabase(
  admin: HubClient,
  settings: Record<string, unknown>,
): Promise<{ id: string; agent: TestAgent }> {
  const response = await admin.request("POST", "/api/v1/integrations", {
    json: { name: "ACD", type: "database", settings: { ...baseSettings, ...settings } },
  });
  const text = await response.text();
  assertEquals(response.status, 201, text);
  const { id } = JSON.parse(text) as Integration;
  return { id, agent: await TestAgent.linked(admin, id) };
}

export function queryBatch(agent: TestAgent, batch: QueryBatch): TestBatch {
  const columns = batch.columns ?? columnsOf[batch.dataType].map(({ name }) => name);
  const field = (text: string) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const content = new TextEncoder().encode(
    [columns, ...batch.rows].map((row) => `${row.map(field).join(",")}\r\n`).join(""),
  );
  return contentBatch(agent, { ...batch, columns, content, declaredRows: batch.declaredRows ?? batch.rows.length });
}

/** A batch whose content is made already. */
export function contentBatch(
  agent: TestAgent,
  batch: Omit<QueryBatch, "rows"> & { content: Uint8Array; declaredRows: number; columns: readonly string[] },
): TestBatch {
  const { link } = agent;
  if (link === undefined) throw new Error("not linked");
  const { content } = batch;
  const payload = new Uint8Array(zstdCompressSync(content));
  const parts = [];
  for (let offset = 0; offset < payload.length; offset += partBytesMax) {
    const part = payload.subarray(offset, offset + partBytesMax);
    parts.push({ offset, bytes: part.length, sha256: sha256(part) });
  }
  const window = { from: new Date(batch.from).toISOString(), to: new Date(batch.to).toISOString() };
  const name = JSON.stringify([link.integration.id, batch.dataType, window, sha256(content)]);
  return {
    payload,
    parts,
    declaration: {
      id: sha256(new TextEncoder().encode(name)),
      linkId: link.id,
      sequence: batch.sequence,
      lane: batch.lane ?? "live",
      origin: {
        kind: "query",
        dataType: batch.dataType,
        window,
        timeZone: batch.timeZone ?? "Europe/Berlin",
        rows: batch.declaredRows,
        refused: { rows: batch.refused?.rows ?? 0, reasons: [...batch.refused?.reasons ?? []] },
        columns: [...batch.columns],
      },
      sha256: sha256(content),
      bytes: content.length,
      payloadSha256: sha256(payload),
      payloadBytes: payload.length,
      createdAt: new Date().toISOString(),
    },
  };
}

export type Windows = RowsSummary & { readonly items: readonly LoadedWindow[]; readonly next: string | null };

/** What the hub has loaded, once it has loaded all that it received. */
export async function loaded(admin: HubClient, id: string): Promise<Windows> {
  const events = await admin.request("GET", `/api/v1/integrations/${id}/events`);
  let text = "";
  for await (const chunk of (events.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const last = text.slice(0, text.lastIndexOf("\n\n")).split("\n").findLast((line) => line.startsWith("data: "));
    if (last !== undefined && (JSON.parse(last.slice(6)) as Integration).loading === 0) break;
  }
  const response = await admin.request("GET", `/api/v1/integrations/${id}/windows?limit=500`);
  const body = await response.text();
  assertEquals(response.status, 200, body);
  return JSON.parse(body) as Windows;
}

/** Rows as the hub hands them out. */
export async function rowsOf(admin: HubClient, id: string, query = ""): Promise<Record<string, unknown>[]> {
  const response = await admin.request("GET", `/api/v1/integrations/${id}/rows?format=json${query}`);
  const body = await response.text();
  assertEquals(response.status, 200, body);
  return JSON.parse(body) as Record<string, unknown>[];
}
