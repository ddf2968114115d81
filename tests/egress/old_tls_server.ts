/** A server that has TLS 1.1 and nothing newer: openssl's, made to. */
import type { ServerCertificate } from "./certificates.ts";

export interface OldServer extends AsyncDisposable {
  readonly port: number;
}

/** Starts it on a free port; its files are in `folder`. */
export async function startOldServer(
  options: { folder: string; certificate: ServerCertificate },
): Promise<OldServer> {
  const { folder, certificate } = options;
  const [cert, key] = [`${folder}/old.pem`, `${folder}/old.key`];
  await Deno.writeTextFile(cert, certificate.cert);
  await Deno.writeTextFile(key, certificate.key);
  const server = new Deno.Command("openssl", {
    args: ["s_server", "-accept", "0", "-cert", cert, "-key", key, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
    stdin: "piped", // its end would be the server's
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const stop = async () => {
    server.kill("SIGKILL");
    await server.stdin.close().catch(() => {/* it has ended */});
    while (!(await reader.read()).done);
    await server.status;
  };
  let printed = "";
  while (true) {
    const { value, done } = await reader.read();
    printed += value ?? "";
    const port = /ACCEPT .*:(\d+)/.exec(printed)?.[1];
    if (port !== undefined) return { port: Number(port), [Symbol.asyncDispose]: stop };
    if (done) throw new Error(`openssl s_server says no port: ${printed}`);
  }
}
