/**
 * This process as a native Windows service: the service control manager (SCM) starts it, and it answers the manager's
 * controls (StartServiceCtrlDispatcherW, RegisterServiceCtrlHandlerExW, SetServiceStatus).
 *
 * ```
 * dispatcher (a thread of its own) ── ServiceMain ──▶ START_PENDING ── ready() ──▶ RUNNING ── stop ──▶ STOP_PENDING
 *                                                                                     work ends ──▶ STOPPED
 * ```
 *
 * All addresses and callbacks are created before the work begins, so that the work may give up the permission `ffi`.
 */
import { wide } from "./windows_text.ts";
import { windowsErrors } from "./windows_error.ts";

/** The manager's state numbers (winsvc.h). */
export const serviceStates = {
  stopped: 1,
  startPending: 2,
  stopPending: 3,
  running: 4,
  continuePending: 5,
  pausePending: 6,
  paused: 7,
} as const;

const ownProcess = 0x10;
const accepts = { stop: 1, shutdown: 4 } as const;
const controls = { stop: 1, interrogate: 4, shutdown: 5 } as const;
/** ERROR_CALL_NOT_IMPLEMENTED: pause, continue and all other controls. */
const notImplemented = 120;

/** How often progress is reported while starting, in ms. */
const startBeatMs = 2000;
/** How long the manager should wait for the next report, in ms. */
const startHintMs = 20_000;
/** How long stopping may take, in ms; it takes less than a second. */
const stopHintMs = 5000;
/** How long the manager may take to call back after the dispatcher was started, in ms. */
const dispatchTimeoutMs = 30_000;

const symbols = {
  StartServiceCtrlDispatcherW: { parameters: ["buffer"], result: "i32", nonblocking: true },
  RegisterServiceCtrlHandlerExW: { parameters: ["buffer", "function", "pointer"], result: "pointer" },
  SetServiceStatus: { parameters: ["pointer", "buffer"], result: "i32" },
} as const;

/** What the work of a service receives. */
export interface ServiceWork {
  /** Aborted when the service is to end. */
  readonly signal: AbortSignal;
  /** Call it when the service works: until then the manager sees "starting". */
  readonly ready: () => void;
}

/**
 * Runs `work` as the service `name` and reports its end: exit code 0 as a stop, any other as a failure, after which the
 * manager restarts the service according to its recovery actions. Resolves with the exit code.
 *
 * @throws if the manager did not start this process
 */
export async function runWindowsService(
  name: string,
  work: (given: ServiceWork) => Promise<number>,
): Promise<number> {
  const library = Deno.dlopen("advapi32.dll", symbols);
  const status = new ServiceStatus(library.symbols.SetServiceStatus);
  const stopping = new AbortController();
  const started = Promise.withResolvers<void>();
  const nameBuffer = wide(name);
  const handler = Deno.UnsafeCallback.threadSafe(
    { parameters: ["u32", "u32", "pointer", "pointer"], result: "u32" } as const,
    (control) => {
      if (control === controls.interrogate) return status.repeat();
      if (control !== controls.stop && control !== controls.shutdown) return notImplemented;
      status.stopping();
      stopping.abort(new DOMException("The service was told to stop", "AbortError"));
      return 0;
    },
  );
  const main = Deno.UnsafeCallback.threadSafe({ parameters: ["u32", "pointer"], result: "void" } as const, () => {
    status.handle = library.symbols.RegisterServiceCtrlHandlerExW(nameBuffer, handler.pointer, null);
    status.starting();
    started.resolve();
  });
  const table = new BigUint64Array(4); // name, ServiceMain and a final pair of zeros
  table[0] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(nameBuffer));
  table[1] = Deno.UnsafePointer.value(main.pointer);
  const dispatched = library.symbols.StartServiceCtrlDispatcherW(table);
  try {
    await untilStarted(started.promise, dispatched);
    const code = await workUntilItEnds(work, { status, signal: stopping.signal });
    status.stopped(code);
    await dispatched;
    return code;
  } finally {
    handler.close();
    main.close();
    library.close();
  }
}

async function untilStarted(started: Promise<void>, dispatched: Promise<number>): Promise<void> {
  const late = Promise.withResolvers<"not started">();
  const timer = setTimeout(() => late.resolve("not started"), dispatchTimeoutMs);
  try {
    // If not started by the manager, the dispatcher returns at once.
    const first = await Promise.race([started, dispatched.then(() => "not started" as const), late.promise]);
    if (first !== "not started") return;
  } finally {
    clearTimeout(timer);
  }
  throw new Error(
    "Cannot run as a service: Windows' service manager did not start this process. Use \"injixo-cloud-link service " +
      'start", or "injixo-cloud-link run" to run it in this window',
  );
}

async function workUntilItEnds(
  work: (given: ServiceWork) => Promise<number>,
  { status, signal }: { status: ServiceStatus; signal: AbortSignal },
): Promise<number> {
  const beat = setInterval(() => status.starting(), startBeatMs);
  try {
    return await work({
      signal,
      ready() {
        clearInterval(beat);
        status.running();
      },
    });
  } catch {
    return 1; // the work reports its own errors
  } finally {
    clearInterval(beat);
  }
}

type SetServiceStatus = (handle: Deno.PointerValue, status: BufferSource) => number;

/** What was last reported to the manager: a SERVICE_STATUS. */
class ServiceStatus {
  handle: Deno.PointerValue = null;
  readonly #set: SetServiceStatus;
  #state: number = serviceStates.startPending;
  #checkPoint = 0;
  #last = new Uint32Array(7);

  constructor(set: SetServiceStatus) {
    this.#set = set;
  }

  starting(): void {
    if (this.#state === serviceStates.startPending) {
      this.#tell(serviceStates.startPending, { hintMs: startHintMs });
    }
  }

  running(): void {
    if (this.#state !== serviceStates.startPending) return; // it was told to stop meanwhile
    this.#tell(serviceStates.running, { accepted: accepts.stop | accepts.shutdown });
  }

  stopping(): void {
    this.#tell(serviceStates.stopPending, { hintMs: stopHintMs });
  }

  stopped(exitCode: number): void {
    this.#tell(serviceStates.stopped, { exitCode });
  }

  repeat(): number {
    this.#set(this.handle, this.#last);
    return 0;
  }

  #tell(state: number, { accepted = 0, hintMs = 0, exitCode = 0 }): void {
    this.#checkPoint = hintMs > 0 && state === this.#state ? this.#checkPoint + 1 : 1;
    this.#state = state;
    const win32 = exitCode === 0 ? 0 : windowsErrors.serviceSpecific;
    this.#last.set([ownProcess, state, accepted, win32, exitCode, hintMs > 0 ? this.#checkPoint : 0, hintMs]);
    this.#set(this.handle, this.#last);
  }
}
