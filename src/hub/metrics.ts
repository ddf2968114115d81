/**
 * Metrics for Prometheus, in its text format (version 0.0.4). Counters are this process's; gauges come from the
 * database.
 */
import type { Clock } from "../runtime/clock.ts";
import { version } from "../runtime/version.ts";
import type { Database } from "./database/schema.ts";
import { staleAfterMs } from "./limits.ts";

/** Content type of the text format. */
export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

const durationBucketsSeconds = [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];

const usualMethods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Counted in memory: a scrape costs only the gauges' queries. */
export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = durationBucketsSeconds.map(() => 0);
  #durationSum = 0;
  #durationCount = 0;
  #batches = 0;
  #bytes = 0;

  /**
   * Counts an answered request. `route` is the pattern, not the path, and unusual methods count as one: callers must
   * not determine the number of counters.
   */
  countRequest(options: { method: string; route: string; status: number; seconds: number }): void {
    const method = usualMethods.has(options.method) ? options.method : "other";
    const labels = `method="${method}",route="${label(options.route)}",status="${options.status}"`;
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
    this.#durationSum += options.seconds;
    this.#durationCount++;
    durationBucketsSeconds.forEach((limit, index) => {
      if (options.seconds <= limit) this.#durations[index] = (this.#durations[index] ?? 0) + 1;
    });
  }

  /** Counts a received batch. */
  countBatch(bytes: number): void {
    this.#batches++;
    this.#bytes += bytes;
  }

  /** The text that Prometheus reads. */
  async text(options: { database: Database; clock: Clock }): Promise<string> {
    const gauges = await readGauges(options);
    return [
      ...metric("cloud_link_build_info", "gauge", "The running version.", [[`version="${label(version)}"`, 1]]),
      ...metric("cloud_link_integrations", "gauge", "Integrations that are configured.", [["", gauges.integrations]]),
      ...metric("cloud_link_installations_linked", "gauge", "Installations with a link.", [["", gauges.linked]]),
      ...metric("cloud_link_installations_online", "gauge", "Those heard from lately.", [["", gauges.online]]),
      ...metric("cloud_link_batches_incomplete", "gauge", "Batches declared but not complete.", [[
        "",
        gauges.incomplete,
      ]]),
      ...metric("cloud_link_batches_loading", "gauge", "Batches whose rows are not in their tables yet.", [[
        "",
        gauges.loading,
      ]]),
      ...metric("cloud_link_batches_received_total", "counter", "Batches taken.", [["", this.#batches]]),
      ...metric("cloud_link_received_bytes_total", "counter", "Bytes of content in them.", [["", this.#bytes]]),
      ...metric("cloud_link_http_requests_total", "counter", "Requests answered.", [...this.#requests]),
      ...this.#histogram(),
      "",
    ].join("\n");
  }

  #histogram(): readonly string[] {
    const name = "cloud_link_http_request_seconds";
    return [
      `# HELP ${name} Time to answer; long polls included.`,
      `# TYPE ${name} histogram`,
      ...durationBucketsSeconds.map((limit, index) => `${name}_bucket{le="${limit}"} ${this.#durations[index]}`),
      `${name}_bucket{le="+Inf"} ${this.#durationCount}`,
      `${name}_sum ${this.#durationSum}`,
      `${name}_count ${this.#durationCount}`,
    ];
  }
}

async function readGauges({ database, clock }: { database: Database; clock: Clock }) {
  const seenSince = clock.now() - staleAfterMs;
  return await database.selectNoFrom((eb) => [
    eb.selectFrom("integration").select((count) => count.fn.countAll<number>().as("count"))
      .where("deletedAt", "is", null).as("integrations"),
    eb.selectFrom("link").select((count) => count.fn.countAll<number>().as("count")).where("endedAt", "is", null)
      .as("linked"),
    eb.selectFrom("link").innerJoin("installation", "installation.id", "link.installationId")
      .select((count) => count.fn.countAll<number>().as("count")).where("endedAt", "is", null)
      .where("lastSeenAt", ">", seenSince).as("online"),
    eb.selectFrom("batch").select((count) => count.fn.countAll<number>().as("count")).where("receivedAt", "is", null)
      .as("incomplete"),
    eb.selectFrom("pendingLoad").select((count) => count.fn.countAll<number>().as("count")).as("loading"),
  ]).executeTakeFirstOrThrow();
}

function metric(
  name: string,
  type: "gauge" | "counter",
  help: string,
  values: readonly (readonly [string, number | null])[],
): readonly string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...values.map(([labels, value]) => `${name}${labels === "" ? "" : `{${labels}}`} ${value ?? 0}`),
  ];
}

function label(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
