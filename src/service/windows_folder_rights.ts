/**
 * The rights of a service's account in the installation folder, unless it is LocalSystem: it may create files there
 * (log and state) but not replace those of others, such as the program, which administrators run.
 */
import { win32 } from "node:path";
import { exists } from "../runtime/exists.ts";
import { stateFolderName } from "../runtime/state_folder.ts";

/** CREATOR OWNER: whoever creates a file there. */
const creatorOwner = "*S-1-3-0";

/** Gives the account what it needs, with `icacls`. */
export async function grantFolderRights(folder: string, account: string): Promise<void> {
  await icacls(folder, [
    "/grant",
    `${account}:(RX,WD,AD)`,
    `${account}:(OI)(CI)(IO)(RX)`,
    `${creatorOwner}:(OI)(CI)(IO)(F)`,
  ]);
  const state = win32.join(folder, stateFolderName);
  const isThere = await exists(state);
  if (isThere) await icacls(state, ["/grant", `${account}:(OI)(CI)(F)`, "/T", "/Q"]);
}

async function icacls(path: string, args: readonly string[]): Promise<void> {
  const systemRoot = Deno.env.get("SystemRoot") ?? "C:\\Windows";
  const program = win32.join(systemRoot, "System32", "icacls.exe");
  const { success, stderr } = await new Deno.Command(program, {
    args: [path, ...args],
    // None of the caller's variables: they may hold secrets, as `https_proxy` does.
    env: { SystemRoot: systemRoot },
    clearEnv: true,
    stdin: "null",
  }).output();
  if (success) return;
  throw new Error(
    `Cannot give the service's account its rights in "${path}": ${
      new TextDecoder().decode(stderr).trim()
    }. Check the ` +
      `name of the account, or give it the right to make files there on the folder's page “Security”`,
  );
}
