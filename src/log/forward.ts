/** The log of threads that do not own the file: their lines travel through a `MessagePort` to the one that does. */
import type { Sink } from "@logtape/logtape";
import { type EntryOutput, type LogEntry, toEntry } from "./entry.ts";
import type { Redactor } from "./redact.ts";

/**
 * A LogTape sink that sends each line to the thread at the other end of `port`.
 *
 * @param options.redactor Knows the secrets that only this thread has registered; the receiver redacts too.
 */
export function forwardingSink(port: MessagePort, options: { redactor?: Redactor } = {}): Sink {
  return (record) => {
    const entry = toEntry(record);
    port.postMessage(options.redactor?.entry(entry) ?? entry);
  };
}

/** Hands every line that arrives at `port` to `output`, until disposed; then the port is closed. */
export function receiveForwarded(port: MessagePort, output: EntryOutput): Disposable {
  const onMessage = (event: MessageEvent<LogEntry>) => output(event.data);
  port.addEventListener("message", onMessage);
  port.start();
  return {
    [Symbol.dispose]() {
      port.removeEventListener("message", onMessage);
      port.close();
    },
  };
}
