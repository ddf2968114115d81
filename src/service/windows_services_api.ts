/** The calls of Windows' service control manager that administer services, safe to use: handles close by themselves. */
import { fromWide, wide } from "./windows_text.ts";
import { WindowsError, windowsErrors } from "./windows_error.ts";

const managerAccess = { connect: 0x1, create: 0x2 } as const;
const serviceAccess = { query: 0x1 | 0x4, all: 0xf01ff } as const;
const ownProcess = 0x10;
const automatic = 2;
const normalErrors = 1;
const configs = { description: 1, failureActions: 2, delayedStart: 3, failureActionsFlag: 4 } as const;
const restartAction = 1;
/** Longest answer of QueryServiceConfigW, in bytes. */
const configBytesMax = 8192;

const symbols = {
  OpenSCManagerW: { parameters: ["pointer", "pointer", "u32"], result: "pointer" },
  OpenServiceW: { parameters: ["pointer", "buffer", "u32"], result: "pointer" },
  CreateServiceW: {
    parameters: [
      "pointer",
      "buffer",
      "buffer",
      "u32",
      "u32",
      "u32",
      "u32",
      "buffer",
      "pointer",
      "pointer",
      "pointer",
      "buffer",
      "buffer",
    ],
    result: "pointer",
  },
  ChangeServiceConfigW: {
    parameters: [
      "pointer",
      "u32",
      "u32",
      "u32",
      "buffer",
      "pointer",
      "pointer",
      "pointer",
      "buffer",
      "buffer",
      "buffer",
    ],
    result: "i32",
  },
  ChangeServiceConfig2W: { parameters: ["pointer", "u32", "buffer"], result: "i32" },
  QueryServiceConfigW: { parameters: ["pointer", "buffer", "u32", "buffer"], result: "i32" },
  QueryServiceStatusEx: { parameters: ["pointer", "u32", "buffer", "u32", "buffer"], result: "i32" },
  StartServiceW: { parameters: ["pointer", "u32", "pointer"], result: "i32" },
  ControlService: { parameters: ["pointer", "u32", "buffer"], result: "i32" },
  DeleteService: { parameters: ["pointer"], result: "i32" },
  CloseServiceHandle: { parameters: ["pointer"], result: "i32" },
} as const;

const errorSymbols = { GetLastError: { parameters: [], result: "u32" } } as const;

/** The definition of a service. */
export interface ServiceDefinition {
  readonly displayName: string;
  readonly description: string;
  readonly commandLine: string;
  /** `undefined`: LocalSystem, or unchanged. */
  readonly account: string | undefined;
  /** Delays before the first, second and every further restart after a failure, in ms. */
  readonly restartDelaysMs: readonly number[];
  /** After this long without a failure they start over, in seconds. */
  readonly failuresForgottenS: number;
}

/** How a service is configured. */
export interface ServiceConfig {
  readonly commandLine: string;
  readonly account: string;
  readonly displayName: string;
  readonly automatic: boolean;
}

/** The status of a service; `state` is one of `serviceStates`. */
export interface ServiceStatusNow {
  readonly state: number;
  readonly exitCode: number;
  /** The program's own exit code, if `exitCode` is ERROR_SERVICE_SPECIFIC_ERROR. */
  readonly specificExitCode: number;
  readonly processId: number;
}

/** The service manager of one machine. Every call throws a {@linkcode WindowsError} if Windows refuses. */
export interface ServicesApi extends Disposable {
  /** `undefined` if there is no service of that name. */
  config(name: string): ServiceConfig | undefined;
  status(name: string): ServiceStatusNow;
  /** Creates the service, or changes the existing one. */
  define(name: string, definition: ServiceDefinition): void;
  start(name: string): void;
  stop(name: string): void;
  remove(name: string): void;
}

/** Opens the manager's library. Needs the permission `ffi`. */
export function openServicesApi(): ServicesApi {
  const library = Deno.dlopen("advapi32.dll", symbols);
  const errors = Deno.dlopen("kernel32.dll", errorSymbols);
  const calls = new ServiceCalls(library.symbols, () => errors.symbols.GetLastError());
  return {
    config: (name) => calls.config(name),
    status: (name) => calls.with(name, serviceAccess.query, (service) => calls.status(service, name)),
    define: (name, definition) => calls.define(name, definition),
    start: (name) =>
      calls.with(name, serviceAccess.all, (service) => {
        calls.must(`start the service "${name}"`, library.symbols.StartServiceW(service, 0, null));
      }),
    stop: (name) =>
      calls.with(name, serviceAccess.all, (service) => {
        const stopped = library.symbols.ControlService(service, 1, new Uint32Array(7));
        calls.must(`stop the service "${name}"`, stopped);
      }),
    remove: (name) =>
      calls.with(name, serviceAccess.all, (service) => {
        calls.must(`remove the service "${name}"`, library.symbols.DeleteService(service));
      }),
    [Symbol.dispose]() {
      library.close();
      errors.close();
    },
  };
}

type Symbols = Deno.DynamicLibrary<typeof symbols>["symbols"];

class ServiceCalls {
  readonly #symbols: Symbols;
  readonly #lastError: () => number;

  constructor(library: Symbols, lastError: () => number) {
    this.#symbols = library;
    this.#lastError = lastError;
  }

  must(act: string, result: number | Deno.PointerValue): void {
    if (result === 0 || result === null) throw new WindowsError(act, this.#lastError());
  }

  with<T>(name: string, access: number, use: (service: Deno.PointerValue) => T): T {
    return this.#withManager(managerAccess.connect, (manager) => {
      const service = this.#symbols.OpenServiceW(manager, wide(name), access);
      this.must(`open the service "${name}"`, service);
      return this.#closing(service, use);
    });
  }

  config(name: string): ServiceConfig | undefined {
    try {
      return this.with(name, serviceAccess.query, (service) => this.#query(service, name));
    } catch (error) {
      if (error instanceof WindowsError && error.number === windowsErrors.doesNotExist) return undefined;
      throw error;
    }
  }

  status(service: Deno.PointerValue, name: string): ServiceStatusNow {
    const [process, needed] = [new Uint32Array(9), new Uint32Array(1)];
    const result = this.#symbols.QueryServiceStatusEx(service, 0, process, process.byteLength, needed);
    this.must(`ask for the state of the service "${name}"`, result);
    const [, state = 0, , exitCode = 0, specificExitCode = 0, , , processId = 0] = process;
    return { state, exitCode, specificExitCode, processId };
  }

  define(name: string, definition: ServiceDefinition): void {
    const { displayName, commandLine, account } = definition;
    const [display, command] = [wide(displayName), wide(commandLine)];
    const user = account === undefined ? null : wide(account);
    if (this.config(name) === undefined) {
      this.#withManager(managerAccess.connect | managerAccess.create, (manager) => {
        const service = this.#symbols.CreateServiceW(
          manager,
          wide(name),
          display,
          serviceAccess.all,
          ownProcess,
          automatic,
          normalErrors,
          command,
          null,
          null,
          null,
          user,
          null,
        );
        this.must(`create the service "${name}"`, service);
        this.#closing(service, (open) => this.#setDetails(open, definition));
      });
      return;
    }
    this.with(name, serviceAccess.all, (service) => {
      const changed = this.#symbols.ChangeServiceConfigW(
        service,
        ownProcess,
        automatic,
        normalErrors,
        command,
        null,
        null,
        null,
        user,
        null,
        display,
      );
      this.must(`change the service "${name}"`, changed);
      this.#setDetails(service, definition);
    });
  }

  #setDetails(service: Deno.PointerValue, definition: ServiceDefinition): void {
    const { description, restartDelaysMs, failuresForgottenS } = definition;
    const set = (what: number, value: BufferSource) => {
      try {
        this.must("set up the service", this.#symbols.ChangeServiceConfig2W(service, what, value));
      } catch (error) {
        // A Windows that does not support the setting works without it.
        if (!(error instanceof WindowsError && error.number === windowsErrors.invalidLevel)) throw error;
      }
    };
    const text = wide(description);
    set(configs.description, new BigUint64Array([addressOf(text)]));
    const actions = new Uint32Array(restartDelaysMs.flatMap((delayMs) => [restartAction, delayMs]));
    const failure = new DataView(new ArrayBuffer(40)); // SERVICE_FAILURE_ACTIONSW on 64 bits
    failure.setUint32(0, failuresForgottenS, true);
    failure.setUint32(24, restartDelaysMs.length, true);
    failure.setBigUint64(32, addressOf(actions), true);
    set(configs.failureActions, failure);
    set(configs.failureActionsFlag, new Uint32Array([1])); // a non-zero exit code also counts as a failure
    set(configs.delayedStart, new Uint32Array([0]));
  }

  #query(service: Deno.PointerValue, name: string): ServiceConfig {
    const [bytes, needed] = [new Uint8Array(configBytesMax), new Uint32Array(1)];
    const result = this.#symbols.QueryServiceConfigW(service, bytes, bytes.length, needed);
    this.must(`ask for the set-up of the service "${name}"`, result);
    const view = new DataView(bytes.buffer);
    const start = addressOf(bytes);
    // Its texts follow it in the same buffer.
    const textAt = (offset: number) => {
      const address = view.getBigUint64(offset, true);
      return address === 0n ? "" : fromWide(bytes, Number(address - start));
    };
    return {
      commandLine: textAt(16),
      account: textAt(48),
      displayName: textAt(56),
      automatic: view.getUint32(4, true) === automatic,
    };
  }

  #withManager<T>(access: number, use: (manager: Deno.PointerValue) => T): T {
    const manager = this.#symbols.OpenSCManagerW(null, null, access);
    this.must("ask Windows' service manager", manager);
    return this.#closing(manager, use);
  }

  #closing<T>(handle: Deno.PointerValue, use: (handle: Deno.PointerValue) => T): T {
    try {
      return use(handle);
    } finally {
      this.#symbols.CloseServiceHandle(handle);
    }
  }
}

function addressOf(bytes: BufferSource): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes as Uint8Array<ArrayBuffer>));
}
