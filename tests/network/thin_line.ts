/**
 * A bad line to a server on this machine: slow, late, losing packets, breaking. Packets that go to `lineAddress` pass a
 * TUN device and this program, and come back as if they were for `ownAddress`, where the server listens; with source and
 * destination swapped the checksums stay right. TCP is the kernel's own on both ends, so that loss costs what it costs.
 * (What `tc netem` does, for kernels without it.) In a network namespace of its own.
 */
import { seededRandom } from "../../src/runtime/seeded_random.ts";
import { openTun, type Tun } from "./tun.ts";

/** Where the server listens. */
export const ownAddress = "10.77.0.1";
/** Where it is reached by the line. */
export const lineAddress = "10.77.0.2";

/** What is wrong with the line. Each direction has its own queue. */
export interface LineQuality {
  /** How much longer a packet takes in each direction, in ms. */
  readonly delayMs: number;
  /** The part of packets that is lost, from 0 to 1. */
  readonly loss: number;
  readonly bytesPerSecond: number;
  /** What waits in front of the line in each direction, in bytes; more is lost. */
  readonly queueBytes: number;
}

/** A line with nothing wrong. */
export const goodLine: LineQuality = { delayMs: 0, loss: 0, bytesPerSecond: 1e9, queueBytes: 1e9 };

/** What passed in one direction since the last reset. */
export interface Traffic {
  packets: number;
  /** Lost on the line, or for want of room in the queue. */
  lost: number;
  /** What TCP carried, in bytes: TLS, requests and what was sent twice included. */
  tcpBytes: number;
}

interface Direction {
  readonly traffic: Traffic;
  /** When the line is free, by `performance.now()`. */
  freeAtMs: number;
}

const ipHeaderBytes = 20;
const protocolTcp = 6;
const flags = { syn: 0x02, rst: 0x04 } as const;

/** The line; closed by disposing it. */
export class ThinLine implements AsyncDisposable {
  readonly #serverPort: number;
  /** May be made worse, or better, at any time. */
  quality: LineQuality = goodLine;
  readonly #tun: Tun;
  readonly #random: () => number;
  readonly #running: Promise<void>;
  readonly #up: Direction = direction();
  readonly #down: Direction = direction();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  /** By client port: the newest packet of the client, of each connection that the line knows. */
  readonly #connections = new Map<number, Uint8Array<ArrayBuffer>>();
  /** Client ports of connections that it has forgotten. */
  readonly #forgotten = new Set<number>();
  #closed = false;
  #breaks = 0;

  private constructor(options: { serverPort: number; seed: number }, tun: Tun) {
    this.#serverPort = options.serverPort;
    this.#tun = tun;
    this.#random = seededRandom(options.seed);
    this.#running = this.#run();
  }

  /** Makes the device with its addresses. */
  static async open(options: { serverPort: number; seed: number }): Promise<ThinLine> {
    const tun = openTun("line0");
    for (const args of [["link", "set", "lo", "up"], ["addr", "add", `${ownAddress}/24`, "dev", "line0"]]) {
      await ip(args);
    }
    await ip(["link", "set", "line0", "up", "mtu", "1500"]);
    return new ThinLine(options, tun);
  }

  get up(): Readonly<Traffic> {
    return this.#up.traffic;
  }

  get down(): Readonly<Traffic> {
    return this.#down.traffic;
  }

  /** How often it has broken. */
  get breaks(): number {
    return this.#breaks;
  }

  toJSON(): unknown {
    return { up: this.up, down: this.down, breaks: this.breaks };
  }

  /** Counts from 0. */
  reset(): void {
    for (const { traffic } of [this.#up, this.#down]) Object.assign(traffic, direction().traffic);
    this.#breaks = 0;
  }

  /** What is on its way is lost, and every connection is cut: the client is told, the server when it goes on. */
  break(): void {
    this.#breaks++;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const [port, packet] of this.#connections) {
      this.#forgotten.add(port);
      this.#tun.write(reset(packet));
    }
    this.#connections.clear();
    this.#up.freeAtMs = this.#down.freeAtMs = performance.now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#running;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#tun[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      await this.#tun.ready(50);
      for (let packet = this.#tun.read(); packet !== undefined; packet = this.#tun.read()) this.#take(packet);
    }
  }

  #take(packet: Uint8Array<ArrayBuffer>): void {
    const view = new DataView(packet.buffer);
    const isTcp = packet.length >= 2 * ipHeaderBytes && packet[0] === 0x45 && packet[9] === protocolTcp;
    if (!isTcp) return; // IPv6's greetings of a new device, and nothing that matters
    const [from, to] = [view.getUint16(ipHeaderBytes), view.getUint16(ipHeaderBytes + 2)];
    const isUp = to === this.#serverPort;
    const clientPort = isUp ? from : to;
    if (((packet[ipHeaderBytes + 13] ?? 0) & flags.syn) !== 0) this.#forgotten.delete(clientPort);
    if (this.#forgotten.has(clientPort)) return this.#tun.write(reset(packet));
    if (isUp) this.#connections.set(clientPort, packet.slice(0, 2 * ipHeaderBytes));
    swapAddresses(packet);
    this.#send(packet, isUp ? this.#up : this.#down);
  }

  #send(packet: Uint8Array<ArrayBuffer>, way: Direction): void {
    const { loss, delayMs, bytesPerSecond, queueBytes } = this.quality;
    const nowMs = performance.now();
    const queuedMs = Math.max(0, way.freeAtMs - nowMs);
    if ((queuedMs / 1000) * bytesPerSecond > queueBytes || this.#random() < loss) {
      way.traffic.lost++;
      return;
    }
    way.freeAtMs = nowMs + queuedMs + (packet.length / bytesPerSecond) * 1000;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      way.traffic.packets++;
      way.traffic.tcpBytes += tcpBytes(packet);
      this.#tun.write(packet);
    }, way.freeAtMs - nowMs + delayMs);
    this.#timers.add(timer);
  }
}

function direction(): Direction {
  return { traffic: { packets: 0, lost: 0, tcpBytes: 0 }, freeAtMs: 0 };
}

function tcpBytes(packet: Uint8Array): number {
  return packet.length - ipHeaderBytes - ((packet[ipHeaderBytes + 12] ?? 0) >> 4) * 4;
}

function swapAddresses(packet: Uint8Array): void {
  const source = packet.slice(12, 16);
  packet.copyWithin(12, 16, 20);
  packet.set(source, 16);
}

/** What a router that knows nothing of a connection answers to its sender (RFC 9293, section 3.10.7.1). */
function reset(packet: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const from = new DataView(packet.buffer);
  const answer = packet.slice(0, 2 * ipHeaderBytes);
  swapAddresses(answer);
  const view = new DataView(answer.buffer);
  view.setUint16(2, answer.length);
  view.setUint16(10, 0);
  view.setUint16(10, checksum(answer.subarray(0, ipHeaderBytes)));
  const tcp = ipHeaderBytes;
  view.setUint16(tcp, from.getUint16(tcp + 2));
  view.setUint16(tcp + 2, from.getUint16(tcp));
  view.setUint32(tcp + 4, from.getUint32(tcp + 8)); // what the sender waits for
  view.setUint32(tcp + 8, 0);
  view.setUint8(tcp + 12, 0x50);
  view.setUint8(tcp + 13, flags.rst);
  view.setUint16(tcp + 14, 0);
  view.setUint32(tcp + 16, 0);
  const pseudo = Uint8Array.of(...answer.subarray(12, 20), 0, protocolTcp, 0, 20, ...answer.subarray(tcp));
  view.setUint16(tcp + 16, checksum(pseudo));
  return answer;
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

async function ip(args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args: [...args], stderr: "piped" }).output();
  if (!success) throw new Error(`ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
