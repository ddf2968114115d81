/** What is logged, for tests that want to read it. */
import { configure, type LogRecord, resetSync } from "@logtape/logtape";
import { patienceMs } from "../eventually.ts";

export interface CapturedLog extends Disposable {
  /** Lines of this level and above, as `level message`. */
  lines(): string[];
  /** Resolves with the first line, logged already or not, that matches. Rejects when none ever comes. */
  line(pattern: RegExp): Promise<string>;
}

/** Collects everything from level info on until disposed. */
export async function captureLog(): Promise<CapturedLog> {
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  await configure({
    reset: true,
    sinks: {
      lines: (record: LogRecord) => {
        lines.push(`${record.level} ${record.message.map(String).join("")}`);
        for (const watcher of [...watchers]) watcher();
      },
    },
    loggers: [
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
      { category: "cloud-link", lowestLevel: "info", sinks: ["lines"] },
    ],
  });
  return {
    lines: () => [...lines],
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const end = () => {
          clearTimeout(timer);
          watchers.delete(look);
        };
        const look = () => {
          const line = lines.find((line) => pattern.test(line));
          if (line === undefined) return;
          end();
          resolve(line);
        };
        const timer = setTimeout(() => {
          end();
          reject(new Error(`Waited in vain for a line ${pattern}, after:\n${lines.join("\n")}`));
        }, patienceMs);
        watchers.add(look);
        look();
      }),
    [Symbol.dispose]: () => resetSync(),
  };
}
