/** A network device of Linux whose other end is this program: packets out, packets in (Documentation/networking/tuntap). */

/** `read` and `write` never wait; `ready` does, for the next packet. */
export interface Tun extends Disposable {
  /** Resolves when there is a packet to read, or after `ms`. */
  ready(ms: number): Promise<void>;
  /** The next IP packet; `undefined` when there is none. */
  read(): Uint8Array<ArrayBuffer> | undefined;
  write(packet: Uint8Array<ArrayBuffer>): void;
}

const packetBytesMax = 2048;
const openReadWriteNonBlocking = 0o2 | 0o4000;
/** TUNSETIFF, with IFF_TUN | IFF_NO_PI: IP packets, with nothing before them. */
const setInterface = 0x400454ca;
const tunWithoutInfo = 0x1001;
const pollIn = 1;

/** Opens `name`, which needs CAP_NET_ADMIN in the network namespace. It has no address yet. */
export function openTun(name: string): Tun {
  const library = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
    read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  });
  const { symbols } = library;
  const file = symbols.open(new TextEncoder().encode("/dev/net/tun\0"), openReadWriteNonBlocking);
  if (file < 0) {
    throw new Error("Cannot open /dev/net/tun: the kernel has no TUN devices, or this user may not use them");
  }
  const request = new Uint8Array(40); // struct ifreq
  request.set(new TextEncoder().encode(name));
  new DataView(request.buffer).setUint16(16, tunWithoutInfo, true);
  if (symbols.ioctl(file, BigInt(setInterface), request) < 0) {
    throw new Error(`Cannot make the device "${name}": this user may not administer this network (CAP_NET_ADMIN)`);
  }
  const waiting = new Uint8Array(8); // struct pollfd
  new DataView(waiting.buffer).setInt32(0, file, true);
  new DataView(waiting.buffer).setInt16(4, pollIn, true);
  const buffer = new Uint8Array(packetBytesMax);
  return {
    async ready(ms) {
      await symbols.poll(waiting, 1n, ms);
    },
    read() {
      const bytes = Number(symbols.read(file, buffer, BigInt(buffer.length)));
      return bytes > 0 ? buffer.slice(0, bytes) : undefined;
    },
    write(packet) {
      symbols.write(file, packet, BigInt(packet.length));
    },
    [Symbol.dispose]() {
      symbols.close(file);
      library.close();
    },
  };
}
