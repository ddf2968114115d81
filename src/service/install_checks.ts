/** Checks before and after a service is installed: unsuitable folders, and missing rights. */
import { missingRight, missingRightText } from "./access.ts";
import { type Account, homesOfOthers, probeAs } from "./account.ts";
import { ownerOf } from "./folder_rights.ts";
import { viewOfHomes } from "./homes.ts";
import { unsuitableFolder } from "./rights_plan.ts";
import type { Installation } from "./service_manager.ts";
import { canBeInUnit, type HomeView } from "./unit_file.ts";

/** The folder that the service's user must be given access to should belong to the installation alone. */
export async function refuseUnsuitableFolder(
  { folder, program, configFile }: Installation,
  user: string,
): Promise<void> {
  const unsuitable = unsuitableFolder(folder, await homesOfOthers(user, { owner: (await ownerOf(folder)).uid }));
  if (unsuitable !== undefined) {
    const own = "/opt/injixo-cloud-link";
    throw new Error(
      `Cannot install the service: it would need rights in the whole of "${folder}", and ${unsuitable}. Give the ` +
        `installation a folder of its own:\n  sudo mkdir ${own} && sudo mv "${program}" "${configFile}" ${own}/\n` +
        `  sudo ${own}/injixo-cloud-link service install`,
    );
  }
  const path = [program, folder, configFile].find((each) => !canBeInUnit(each));
  if (path === undefined) return;
  throw new Error(
    `Cannot install the service: systemd accepts no quotation mark, backslash or control character in the path of a ` +
      `program, as in "${path}". Rename the folder`,
  );
}

/** What will not work although the service is installed. */
export async function warnings(
  installation: Installation,
  { account, homes }: { account: Account; homes: HomeView },
): Promise<string[]> {
  const { importDirectory, folder } = installation;
  const unpassable = await unpassableText(installation, { account, homes });
  if (unpassable !== undefined) return [`Warning: the service cannot start, since ${unpassable}`];
  if (isShown(importDirectory, homes) || importDirectory.startsWith(`${folder}/`)) return [];
  const missing = await missingRight(importDirectory, probeAs(account));
  if (missing === undefined) return [];
  return [`Warning: the import folder "${importDirectory}" cannot be read: ${missingRightText(missing, account.name)}`];
}

/** Why the account cannot reach the installation; `undefined` if it can. */
export async function unpassableText(
  installation: Installation,
  { account, homes }: { account: Account; homes?: HomeView },
): Promise<string | undefined> {
  const probe = probeAs(account);
  const view = homes ?? await viewOfHomes(installation, probe);
  for (const path of [installation.folder, installation.program]) {
    const missing = isShown(path, view) ? undefined : await missingRight(path, probe);
    if (missing !== undefined) return missingRightText(missing, account.name);
  }
  return undefined;
}

/** Whether the unit makes the path visible to the service, whatever the rights of the folders above it. */
function isShown(path: string, { writable, readable }: HomeView): boolean {
  return [...writable, ...readable].some((shown) => path === shown || path.startsWith(`${shown}/`));
}
