/** What a running service reports to the system that started it. */

/** Never throws: an agent works even if nobody is listening. */
export interface ServiceNotifier extends Disposable {
  /** The maximum interval between calls of `alive`, in ms; `undefined`: not required. */
  readonly aliveWithinMs: number | undefined;
  /** The service is ready. */
  ready(): void;
  /** Sets a line for people about what it is doing. */
  status(text: string): void;
  alive(): void;
  /** It is about to end, as requested. */
  stopping(): void;
}

/** For a process that was not started as a service. */
export const noNotifier: ServiceNotifier = {
  aliveWithinMs: undefined,
  ready() {},
  status() {},
  alive() {},
  stopping() {},
  [Symbol.dispose]() {},
};
