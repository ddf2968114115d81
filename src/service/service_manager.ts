/**
 * The service of an installation, whatever the system calls its services. `systemd.ts` is Linux, `windows_service_manager.ts`
 * is Windows; the commands `service …` know this interface only.
 */

/** One installation, as a service manager needs to know it. */
export interface Installation {
  /** `[app] name`: what the service is called. */
  readonly name: string;
  /** The installation folder (real path). */
  readonly folder: string;
  /** Path of the TOML. */
  readonly configFile: string;
  /** Real path of the executable. */
  readonly program: string;
  /** `[app] importDirectory`, absolute. */
  readonly importDirectory: string;
}

/** How a service is doing. */
export type ServiceState =
  /** `takenBy`: the folder whose service has the name; `undefined` when there is none of the name. */
  | { readonly state: "not-installed"; readonly takenBy: string | undefined }
  | InstalledState;

/** How an installed service is doing. */
export interface InstalledState {
  readonly state: "running" | "stopped" | "failed" | "changing";
  /** In the system's own words, e.g. `active (running)`. */
  readonly description: string;
  /** Since when, RFC 3339; `undefined` when the system does not say. */
  readonly since: string | undefined;
  /** Starts with the machine. */
  readonly automatic: boolean;
  /** Who it runs as. */
  readonly user: string;
  /** What the service last said of itself. */
  readonly said: string | undefined;
  /** Why it failed, as far as the system tells: lines of its journal, or the status that it ended with. */
  readonly reason?: string | undefined;
  /** How often it was restarted by the system since it was started. */
  readonly restarts: number | undefined;
  /** Where the system keeps it, e.g. the path of the unit. */
  readonly place: string;
}

/** Errors are for the administrator: they say what to do. */
export interface ServiceManager {
  /**
   * Makes the service, starting with the machine from now on; does not start it. Doing it again is harmless.
   *
   * @param options `user`: who it runs as. Without it, a system user of its own is made
   * @returns what was done, a line each
   * @throws when the name belongs to another folder's service
   */
  install(installation: Installation, options: { readonly user: string | undefined }): Promise<readonly string[]>;
  /** Stops and removes the service and all that `install` made. Log, state and configuration stay. */
  uninstall(installation: Installation): Promise<readonly string[]>;
  /** Resolves when the agent works. */
  start(installation: Installation): Promise<void>;
  /** Resolves when it has ended. */
  stop(installation: Installation): Promise<void>;
  state(installation: Installation): Promise<ServiceState>;
}
