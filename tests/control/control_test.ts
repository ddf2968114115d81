import { connectControl, type ControlClient, ControlError } from "../../src/control/connect_control.ts";
import { type ControlAddress, controlAddress } from "../../src/control/control_address.ts";
import { type ControlHandlers, serveControl } from "../../src/control/serve_control.ts";
import type { AgentStatus } from "../../src/control/status.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";

const status: AgentStatus = {
  version: "0.1.0",
  pid: 7,
  startedAt: "2025-03-01T06:00:00.000Z",
  name: "com.injixo.cloud-link",
  folder: "/opt/cloud-link",
  hub: { url: "https://www.injixo.com", reachable: true, lastContactAt: null, problem: null },
  link: { state: "pin", pin: "424242", expiresAt: "2025-03-01T06:05:00.000Z" },
  paused: false,
  problem: null,
  notice: null,
  waiting: { batches: 1, bytes: 2, oldestAt: "2025-03-01T06:00:00.000Z" },
  waitingForOthers: { batches: 0, bytes: 0 },
  lastImport: null,
  lastError: { message: "x", at: "2025-03-01T06:00:00.000Z" },
  proxy: null,
};

function handlers(changed: Partial<ControlHandlers> = {}): ControlHandlers {
  return {
    status: () => status,
    pin: () => Promise.resolve({ pin: "123456", expiresAt: "2025-03-01T06:05:00.000Z", hubUrl: "http://localhost:1" }),
    check: () => Promise.resolve([{ name: "Hub", result: "failed", detail: "no", remedy: "do" }]),
    accept: () => {},
    ...changed,
  };
}

const signal = new AbortController().signal;

async function connected(address: ControlAddress, stateFolder: string): Promise<ControlClient> {
  const client = await connectControl(stateFolder, { address });
  assert(client, "nobody answers");
  return client;
}

const kinds: Record<string, (folder: string) => ControlAddress> = {
  "a Unix socket": (folder) => ({ kind: "socket", path: `${folder}/control.sock` }),
  "a port on loopback": (folder) => ({ kind: "port", file: `${folder}/control.json` }),
};

for (const [kind, addressIn] of Object.entries(kinds)) {
  if (Deno.build.os === "windows" && kind === "a Unix socket") continue;

  Deno.test(`${kind}: a command gets status, PIN and checks of the agent`, async () => {
    await using folder = await temporaryFolder();
    const address = addressIn(folder.path);
    assertEquals(await connectControl(folder.path, { address }), undefined);
    {
      await using _server = await serveControl(handlers(), { stateFolder: folder.path, signal, address });
      const client = await connected(address, folder.path);
      assertEquals(await client.status(signal), status);
      assertEquals((await client.pin(signal)).pin, "123456");
      assertEquals(await client.check(signal), [{ name: "Hub", result: "failed", detail: "no", remedy: "do" }]);
      const { mode } = await Deno.stat(address.kind === "socket" ? address.path : address.file);
      assertEquals((mode ?? 0) & 0o777, 0o600);
    }
    assertEquals(await connectControl(folder.path, { address }), undefined);
    assertEquals(await Array.fromAsync(Deno.readDir(folder.path)), []);
  });

  Deno.test(`${kind}: what the agent could not do is told in its own words`, async () => {
    await using folder = await temporaryFolder();
    const address = addressIn(folder.path);
    const pin = () => Promise.reject(new Error("The hub cannot be reached"));
    await using _server = await serveControl(handlers({ pin }), { stateFolder: folder.path, signal, address });
    const client = await connected(address, folder.path);
    assert(await assertRejects(() => client.pin(signal), /^The hub cannot be reached$/) instanceof ControlError);
  });

  Deno.test(`${kind}: a command that gives up ends what it asked for`, async () => {
    await using folder = await temporaryFolder();
    const address = addressIn(folder.path);
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const check: ControlHandlers["check"] = (signal) => {
      begun.resolve();
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          ended.resolve();
          reject(signal.reason);
        })
      );
    };
    await using _server = await serveControl(handlers({ check }), { stateFolder: folder.path, signal, address });
    const client = await connected(address, folder.path);
    const giveUp = new AbortController();
    const asked = assertRejects(() => client.check(giveUp.signal));
    await begun.promise;
    giveUp.abort();
    await asked;
    await ended.promise;
  });

  Deno.test(`${kind}: what a killed agent has left is replaced`, async () => {
    await using folder = await temporaryFolder();
    const address = addressIn(folder.path);
    if (address.kind === "socket") {
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          "eval",
          `Deno.listen({ transport: "unix", path: ${JSON.stringify(address.path)} }); Deno.kill(Deno.pid, "SIGKILL")`,
        ],
      });
      await child.output();
      assert((await Deno.lstat(address.path)).isSocket);
    } else {
      await Deno.writeTextFile(address.file, JSON.stringify({ port: 1, token: "x".repeat(64) }));
    }
    assertEquals(await connectControl(folder.path, { address }), undefined);
    await using _server = await serveControl(handlers(), { stateFolder: folder.path, signal, address });
    assertEquals(await (await connected(address, folder.path)).status(signal), status);
  });
}

Deno.test("a second agent does not take the socket of the first", async () => {
  await using folder = await temporaryFolder();
  const options = {
    stateFolder: folder.path,
    signal,
    address: kinds["a Unix socket"]?.(folder.path) as ControlAddress,
  };
  await using _server = await serveControl(handlers(), options);
  await assertRejects(() => serveControl(handlers(), options), /another agent answers there.*stop it first/);
  assertEquals(await (await connected(options.address, folder.path)).status(signal), status);
});

Deno.test("nobody gets past the port without its token", async () => {
  await using folder = await temporaryFolder();
  const address = { kind: "port", file: `${folder.path}/control.json` } as const;
  await using _server = await serveControl(handlers(), { stateFolder: folder.path, signal, address });
  const { port } = JSON.parse(await Deno.readTextFile(address.file));
  await Deno.writeTextFile(address.file, JSON.stringify({ port, token: "0".repeat(64) }));
  await assertRejects(async () => (await connected(address, folder.path)).status(signal), /answered 403/);
});

Deno.test("an agent of another version is named as such", async () => {
  await using folder = await temporaryFolder();
  const address = controlAddress(folder.path);
  const older = { ...status, link: { state: "unknown" } } as unknown as AgentStatus;
  await using _server = await serveControl(handlers({ status: () => older }), { stateFolder: folder.path, signal });
  await assertRejects(async () => (await connected(address, folder.path)).status(signal), /a different version/);
});

Deno.test("a path too long for a socket, and Windows, mean a port", () => {
  assertEquals(controlAddress("/opt/cloud-link/state", { os: "linux" }).kind, "socket");
  assertEquals(controlAddress(`/opt/${"x".repeat(90)}/state`, { os: "linux" }).kind, "port");
  assertEquals(controlAddress("C:\\cloud-link\\state", { os: "windows" }).kind, "port");
});

async function temporaryFolder() {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
