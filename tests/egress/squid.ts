/** A real squid on a free port, that wants the user `jo` with the password `p4ss%wörd`. */
import { freePort } from "../free_port.ts";
import { answers } from "./tinyproxy.ts";

export interface Squid extends AsyncDisposable {
  readonly port: number;
}

export async function startSquid(options: { connectPorts: readonly number[] }): Promise<Squid> {
  const port = freePort();
  const folder = await Deno.makeTempDir();
  const path = (name: string) => `${folder}/${name}`;
  await Deno.chmod(folder, 0o755); // started by root, it gives up root's rights
  const hash = await new Deno.Command("openssl", { args: ["passwd", "-apr1", "p4ss%wörd"] }).output();
  await Deno.writeTextFile(path("users"), `jo:${new TextDecoder().decode(hash.stdout).trim()}\n`);
  await Deno.writeTextFile(
    path("squid.conf"),
    [
      `http_port 127.0.0.1:${port}`,
      `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${path("users")}`,
      "auth_param basic realm test",
      "auth_param basic children 1 startup=1",
      `acl connectable port ${options.connectPorts.join(" ")}`,
      "acl known proxy_auth REQUIRED",
      "http_access deny !known",
      "http_access allow CONNECT connectable",
      "http_access deny all",
      "cache deny all",
      "cache_log /dev/null",
      "access_log none",
      "pid_filename none",
      `coredump_dir ${folder}`,
      "shutdown_lifetime 0 seconds",
      "pinger_enable off",
      "",
    ].join("\n"),
  );
  const child = new Deno.Command("squid", {
    args: ["-N", "-n", `test${port}`, "-f", path("squid.conf")],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const ended = child.status.then(() => "ended" as const);
  const close = async () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await Deno.remove(folder, { recursive: true });
  };
  if (await Promise.race([answers(port), ended]) === "ended") {
    await close();
    throw new Error("Cannot start squid: is the package installed?");
  }
  return { port, [Symbol.asyncDispose]: close };
}
