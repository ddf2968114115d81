/**
 * Windows' event log (ReportEventW): start, stop and what ends the agent. Everything else is in the agent's own log.
 *
 * The viewer formats messages with a message file; that of `EventCreate.exe`, a part of Windows, shows the message
 * alone, for ids 1 to 1000.
 */
import { wide } from "./windows_text.ts";

/** The message file, for the value `EventMessageFile`. */
export const eventMessageFile = "%SystemRoot%\\System32\\EventCreate.exe";
/** Error, warning and information, for the value `TypesSupported`. */
export const eventTypesSupported = 7;

/** The key below HKEY_LOCAL_MACHINE that registers a source. */
export function eventSourceKey(source: string): string {
  return `SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\${source}`;
}

/** The reportable events; ids and types never change, since administrators filter by them. */
export const events = {
  started: { id: 1, type: 4 },
  stopped: { id: 2, type: 4 },
  failed: { id: 3, type: 1 },
} as const;

/** Longest message, in characters; Windows takes 31,839. */
const messageCharactersMax = 8000;

const symbols = {
  RegisterEventSourceW: { parameters: ["pointer", "buffer"], result: "pointer" },
  ReportEventW: {
    parameters: ["pointer", "u16", "u16", "u32", "pointer", "u16", "u32", "buffer", "pointer"],
    result: "i32",
  },
  DeregisterEventSource: { parameters: ["pointer"], result: "i32" },
} as const;

/** Never throws once it is open: an agent works even if nobody reads its events. */
export interface EventLog extends Disposable {
  report(event: keyof typeof events, message: string): void;
}

/** Opens the event log. Needs the permission `ffi`, which may be given up afterwards. */
export function openEventLog(source: string): EventLog {
  const library = Deno.dlopen("advapi32.dll", symbols);
  const { RegisterEventSourceW, ReportEventW, DeregisterEventSource } = library.symbols;
  const handle = RegisterEventSourceW(null, wide(source));
  // Allocated once and used for every message, because taking an address needs the permission.
  const text = new Uint16Array(messageCharactersMax + 1);
  const texts = new BigUint64Array([BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(text)))]);
  return {
    report(event, message) {
      if (handle === null) return;
      const { id, type } = events[event];
      text.fill(0);
      for (let at = 0; at < Math.min(message.length, messageCharactersMax); at++) text[at] = message.charCodeAt(at);
      ReportEventW(handle, type, 0, id, null, 1, 0, texts, null);
    },
    [Symbol.dispose]() {
      if (handle !== null) DeregisterEventSource(handle);
      library.close();
    },
  };
}
