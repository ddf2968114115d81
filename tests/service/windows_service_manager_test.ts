/** The decisions of the manager of Windows' services, without Windows: names, folders, what is refused. */
import { assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { findProxyVariables } from "../../src/service/proxy_variables.ts";
import type { Installation } from "../../src/service/service_manager.ts";
import { windowsPlaces } from "../../src/service/windows_proxy_variables.ts";
import { serviceStates } from "../../src/service/windows_service.ts";
import { displayName, windowsServices } from "../../src/service/windows_service_manager.ts";
import type { ServiceDefinition, ServicesApi } from "../../src/service/windows_services_api.ts";

/** Services that exist only here. */
function memoryServices() {
  const defined = new Map<string, ServiceDefinition & { state: number }>();
  const set = (name: string, state: number) => {
    const service = defined.get(name);
    if (service !== undefined) service.state = state;
  };
  const api: ServicesApi = {
    config(name) {
      const service = defined.get(name);
      return service && { ...service, account: service.account ?? "LocalSystem", automatic: true };
    },
    status: (name) => ({
      state: defined.get(name)?.state ?? 0,
      exitCode: 0,
      specificExitCode: 0,
      processId: 0,
    }),
    define: (name, definition) => void defined.set(name, { ...definition, state: serviceStates.stopped }),
    start: (name) => set(name, serviceStates.running),
    stop: (name) => set(name, serviceStates.stopped),
    remove: (name) => void defined.delete(name),
    [Symbol.dispose]() {},
  };
  const manager = windowsServices({
    services: api,
    registry: { write() {}, removeKey() {} },
    grantRights: () => Promise.resolve(),
    sleep: () => Promise.resolve(),
  });
  return { manager, defined };
}

function installation(folder: string, name = "com.injixo.cloud-link"): Installation {
  return {
    name,
    folder,
    configFile: `${folder}\\injixo-cloud-link.toml`,
    program: `${folder}\\injixo-cloud-link.exe`,
    importDirectory: folder,
  };
}

Deno.test("a service that the installer has named belongs to its folder, whatever the configuration says", async () => {
  const { manager, defined } = memoryServices();
  const [first, second] = [installation("C:\\Program Files\\a"), installation("C:\\Program Files\\b")];
  await manager.install(first, { user: undefined });
  await manager.install(installation(second.folder, "com.injixo.cloud-link.instance.3"), { user: undefined });
  await manager.start(second);
  assertEquals(defined.get("com.injixo.cloud-link.instance.3")?.state, serviceStates.running);
  assertEquals(defined.get("com.injixo.cloud-link")?.state, serviceStates.stopped);
  assertMatch((await manager.install(second, { user: undefined })).join(), /Updated .*\(Instance 3\)/);
  await manager.uninstall(second);
  assertEquals([...defined.keys()], ["com.injixo.cloud-link"]);
});

Deno.test("a name that another folder's service has is refused with the remedy", async () => {
  const { manager } = memoryServices();
  await manager.install(installation("C:\\a"), { user: undefined });
  const other = installation("C:\\b");
  await assertRejects(async () => void await manager.install(other, { user: undefined }), /instance\.1/);
  assertEquals(await manager.state(other), { state: "not-installed", takenBy: "C:\\a" });
});

Deno.test("the program's path is always in quotes, another configuration is named", async () => {
  const { manager, defined } = memoryServices();
  await manager.install({ ...installation("C:\\a"), configFile: "D:\\my conf\\x.toml" }, { user: undefined });
  assertEquals(
    defined.get("com.injixo.cloud-link")?.commandLine,
    '"C:\\a\\injixo-cloud-link.exe" run --service com.injixo.cloud-link --config "D:\\my conf\\x.toml"',
  );
});

Deno.test("services are shown by the manual's names", () => {
  assertEquals(displayName("com.injixo.cloud-link"), "injixo Cloud Link");
  assertEquals(displayName("com.injixo.cloud-link.instance.8"), "injixo Cloud Link (Instance 8)");
  assertEquals(displayName("acd"), "injixo Cloud Link (acd)");
});

Deno.test("in a service the registry's proxy counts before the environment's, in a console after it", async () => {
  const openRegistry = () => ({
    readText: (hive: string, _key: string, name: string) =>
      hive === "HKEY_LOCAL_MACHINE" && name === "https_proxy" ? "http://registry" : undefined,
    [Symbol.dispose]() {},
  });
  const environment = (name: string) => name === "https_proxy" ? "http://environment" : undefined;
  const found = (inService: boolean) => findProxyVariables(windowsPlaces(environment, { openRegistry, inService }));
  assertEquals((await found(true)).variables.https_proxy, "http://registry");
  assertEquals((await found(true)).origin, "the system variables");
  assertEquals((await found(false)).variables.https_proxy, "http://environment");
});
