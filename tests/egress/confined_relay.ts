/** Tries in a worker with the relay's permissions what it must not be able to do. */
/// <reference lib="deno.worker" />

self.onmessage = async (event: MessageEvent<number>) => {
  const port = event.data;
  const outcome = async (act: () => unknown) => {
    try {
      await act();
      return "ok";
    } catch (error) {
      return error instanceof Error ? error.name : String(error);
    }
  };
  self.postMessage({
    listen: await outcome(() => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close()),
    "listen elsewhere": await outcome(() => Deno.listen({ hostname: "0.0.0.0", port: 0 }).close()),
    "connect to the origin": await outcome(() => Deno.connect({ hostname: "127.0.0.1", port })),
    "connect to another host": await outcome(() => Deno.connect({ hostname: "www.example.com", port: 443 })),
    "read a file": await outcome(() => Deno.readTextFile("/etc/hostname")),
    "read the environment": await outcome(() => Deno.env.get("HOME")),
    "run a program": await outcome(() => new Deno.Command("true").output()),
  });
};
