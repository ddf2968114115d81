/**
 * A folder that only the system, administrators and its creator may use: the equivalent of mode 0700. By default every
 * user can read below `C:\Program Files`, and the state contains a private key.
 */
import { dirname } from "node:path";
import { wide } from "./windows_text.ts";
import { WindowsError } from "./windows_error.ts";

/**
 * Inherits nothing from the parent; full rights for LocalSystem, Administrators and the owner, inherited by everything
 * in it (Security Descriptor Definition Language).
 */
const descriptorText = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)";
const sddlRevision = 1;
const alreadyExists = 183;

const securitySymbols = {
  ConvertStringSecurityDescriptorToSecurityDescriptorW: {
    parameters: ["buffer", "u32", "buffer", "pointer"],
    result: "i32",
  },
} as const;
const kernelSymbols = {
  CreateDirectoryW: { parameters: ["buffer", "buffer"], result: "i32" },
  LocalFree: { parameters: ["pointer"], result: "pointer" },
  GetLastError: { parameters: [], result: "u32" },
} as const;

/** Creates the folder; an existing one stays as it is. Needs the permission `ffi`. */
export async function makePrivateFolder(path: string): Promise<void> {
  if (await Deno.stat(path).then((info) => info.isDirectory, () => false)) return;
  await Deno.mkdir(dirname(path), { recursive: true });
  using libraries = new DisposableStack();
  const security = libraries.adopt(Deno.dlopen("advapi32.dll", securitySymbols), (library) => library.close());
  const kernel = libraries.adopt(Deno.dlopen("kernel32.dll", kernelSymbols), (library) => library.close());
  const must = (result: number, act: string) => {
    const error = result === 0 ? kernel.symbols.GetLastError() : 0;
    if (error !== 0 && error !== alreadyExists) throw new WindowsError(act, error);
  };
  const descriptor = new BigUint64Array(1);
  const converted = security.symbols.ConvertStringSecurityDescriptorToSecurityDescriptorW(
    wide(descriptorText),
    sddlRevision,
    descriptor,
    null,
  );
  must(converted, "describe who may use a folder");
  try {
    const attributes = new BigUint64Array([24n, descriptor[0] ?? 0n, 0n]); // SECURITY_ATTRIBUTES on 64 bits
    must(kernel.symbols.CreateDirectoryW(wide(extended(path)), attributes), `create the folder "${path}"`);
  } finally {
    kernel.symbols.LocalFree(Deno.UnsafePointer.create(descriptor[0] ?? 0n));
  }
}

/** The form of a path that may exceed 260 characters. */
function extended(path: string): string {
  if (path.startsWith("\\\\?\\")) return path;
  return path.startsWith("\\\\") ? `\\\\?\\UNC\\${path.slice(2)}` : `\\\\?\\${path}`;
}
