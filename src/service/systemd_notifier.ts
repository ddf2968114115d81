/**
 * sd_notify(3): datagrams to the socket that systemd names in `NOTIFY_SOCKET`. Calls the C library directly, since
 * Deno's datagram sockets need a path of their own and do not support abstract addresses.
 */
import type { ServiceNotifier } from "./service_notifier.ts";

const familyUnix = 1;
const typeDatagram = 2;
const closeOnExec = 0o2000000;
/** A full queue at the receiver must not block the agent. */
const dontWait = 0x40;
/** `sun_path` of `sockaddr_un`, in bytes. */
const pathBytesMax = 108;
/** Longest status, in characters. */
const statusCharactersMax = 500;

const symbols = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

/** The relevant environment variables. */
export interface NotifyEnvironment {
  /** `NOTIFY_SOCKET`: a path, or an abstract name starting with `@`. */
  readonly socket: string;
  /** `WATCHDOG_USEC`. */
  readonly watchdogMicroseconds: string | undefined;
}

/**
 * Opens the connection to systemd. Needs the permission `ffi` for the C library, which may be given up afterwards.
 *
 * @throws if the address is invalid or there is no C library of this name
 */
export function openSystemdNotifier({ socket, watchdogMicroseconds }: NotifyEnvironment): ServiceNotifier {
  const address = socketAddress(socket);
  const library = Deno.dlopen("libc.so.6", symbols);
  const descriptor = library.symbols.socket(familyUnix, typeDatagram | closeOnExec, 0);
  const send = (text: string) => {
    if (descriptor < 0) return;
    const message = new TextEncoder().encode(text);
    library.symbols.sendto(descriptor, message, BigInt(message.length), dontWait, address, address.length);
  };
  const watchdogMs = Number(watchdogMicroseconds ?? 0) / 1000;
  return {
    aliveWithinMs: watchdogMs > 0 ? watchdogMs : undefined,
    ready: () => send("READY=1"),
    status: (text) => send(`STATUS=${text.replace(/\s+/g, " ").slice(0, statusCharactersMax)}`),
    alive: () => send("WATCHDOG=1"),
    stopping: () => send("STOPPING=1"),
    [Symbol.dispose]() {
      if (descriptor >= 0) library.symbols.close(descriptor);
      library.close();
    },
  };
}

/** `sockaddr_un`: the family, then the null-terminated path, or the abstract name without a terminator. */
function socketAddress(socket: string): Uint8Array<ArrayBuffer> {
  const isAbstract = socket.startsWith("@");
  if (!isAbstract && !socket.startsWith("/")) throw new Error(`Cannot notify systemd: NOTIFY_SOCKET is "${socket}"`);
  const name = new TextEncoder().encode(isAbstract ? `\0${socket.slice(1)}` : `${socket}\0`);
  if (name.length > pathBytesMax) throw new Error(`Cannot notify systemd: NOTIFY_SOCKET is too long: "${socket}"`);
  const address = new Uint8Array(2 + name.length);
  new DataView(address.buffer).setUint16(0, familyUnix, true);
  address.set(name, 2);
  return address;
}
