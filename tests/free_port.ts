const lowest = 10_000;
/** Below those that the kernel gives to whoever asks for any (`net.ipv4.ip_local_port_range`). */
const highest = 30_000;

/** A loopback port that nothing listens on, and that nobody else gets by chance before it is used. */
export function freePort(): number {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
