/** The manager of Windows' services, with its libraries open. */
import { setTimeout as delay } from "node:timers/promises";
import type { ServiceManager } from "../service/service_manager.ts";
import { grantFolderRights } from "../service/windows_folder_rights.ts";
import { openRegistry } from "../service/windows_registry.ts";
import { windowsServices } from "../service/windows_service_manager.ts";
import { openServicesApi } from "../service/windows_services_api.ts";

/** Opens it. The libraries stay open until the command ends. */
export function openWindowsManager(): ServiceManager {
  return windowsServices({
    services: openServicesApi(),
    registry: openRegistry(),
    grantRights: grantFolderRights,
    sleep: (ms) => delay(ms),
  });
}
