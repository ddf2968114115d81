/** What a running service tells the system that started it. */

/** Never throws: an agent works without anybody listening. */
export interface ServiceNotifier extends Disposable {
  /** How often `alive` has to be said at least, in ms; `undefined`: nobody minds. */
  readonly aliveWithinMs: number | undefined;
  /** It works, from now on. */
  ready(): void;
  /** A line for people about what it does. */
  status(text: string): void;
  alive(): void;
  /** It is about to end, as it was told to. */
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
