/** Reading texts from the Windows registry, and writing the few values that belong to a service. */
import { fromWide, wide } from "./windows_text.ts";
import { WindowsError, windowsErrors } from "./windows_error.ts";

/** The root of a key. */
export type Hive = "HKEY_LOCAL_MACHINE" | "HKEY_CURRENT_USER";

/** Predefined handles (winreg.h), sign-extended as on 64-bit Windows. */
const hives: Readonly<Record<Hive, bigint>> = {
  HKEY_LOCAL_MACHINE: 0xffff_ffff_8000_0002n,
  HKEY_CURRENT_USER: 0xffff_ffff_8000_0001n,
};

/** RRF_RT_REG_SZ: texts only, with `%NAME%` expanded in values of that type, always null-terminated. */
const textOnly = 0x0000_0002;
/** RRF_SUBKEY_WOW6464KEY: use the 64-bit view, even where RegGetValue would default to the 32-bit one. */
const view64 = 0x0001_0000;
/** Longest text that is read, in bytes: the maximum of an environment variable. */
const textBytesMax = 64 * 1024;

const kinds = { REG_SZ: 1, REG_EXPAND_SZ: 2, REG_DWORD: 4 } as const;

const symbols = {
  RegGetValueW: {
    parameters: ["u64", "buffer", "buffer", "u32", "pointer", "buffer", "buffer"],
    result: "u32",
  },
  RegSetKeyValueW: { parameters: ["u64", "buffer", "buffer", "u32", "buffer", "u32"], result: "u32" },
  RegDeleteTreeW: { parameters: ["u64", "buffer"], result: "u32" },
} as const;

/** The registry. Disposing closes the library. */
export interface Registry extends Disposable {
  /** A text; `undefined` if there is no such key or value. */
  readText(hive: Hive, key: string, name: string): string | undefined;
  /** Sets a value, creating its key if missing. */
  write(hive: Hive, key: string, value: RegistryValue): void;
  /** Removes a key and everything below it, if it exists. */
  removeKey(hive: Hive, key: string): void;
}

/** A value to write. */
export type RegistryValue =
  | { readonly name: string; readonly kind: "REG_SZ" | "REG_EXPAND_SZ"; readonly value: string }
  | { readonly name: string; readonly kind: "REG_DWORD"; readonly value: number };

/** Opens the registry. Needs the permission `ffi`. */
export function openRegistry(): Registry {
  const library = Deno.dlopen("advapi32.dll", symbols);
  const { RegGetValueW, RegSetKeyValueW, RegDeleteTreeW } = library.symbols;
  return {
    readText(hive, key, name) {
      const text = new Uint8Array(textBytesMax);
      const length = new Uint8Array(new Uint32Array([textBytesMax]).buffer);
      const flags = textOnly | view64;
      const error = RegGetValueW(hives[hive], wide(key), wide(name), flags, null, text, length);
      if (error === windowsErrors.fileNotFound) return undefined;
      if (error !== 0) throw new WindowsError(`read the registry's value "${hive}\\${key}\\${name}"`, error);
      return fromWide(text);
    },
    write(hive, key, { name, kind, value }) {
      const data = typeof value === "number" ? new Uint8Array(new Uint32Array([value]).buffer) : wide(value);
      const error = RegSetKeyValueW(hives[hive], wide(key), wide(name), kinds[kind], data, data.length);
      if (error !== 0) throw new WindowsError(`write the registry's value "${hive}\\${key}\\${name}"`, error);
    },
    removeKey(hive, key) {
      const error = RegDeleteTreeW(hives[hive], wide(key));
      if (error !== 0 && error !== windowsErrors.fileNotFound) {
        throw new WindowsError(`remove the registry's key "${hive}\\${key}"`, error);
      }
    },
    [Symbol.dispose]: () => library.close(),
  };
}

/** The id that Windows' setup gave this machine. */
export function readMachineGuid(registry: Registry): string | undefined {
  return registry.readText("HKEY_LOCAL_MACHINE", "SOFTWARE\\Microsoft\\Cryptography", "MachineGuid");
}
