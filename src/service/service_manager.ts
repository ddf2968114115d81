/**
 * The service of an installation, whatever the system's kind of services. `systemd.ts` is for Linux,
 * `windows_service_manager.ts` for Windows; the commands `service …` only know this interface.
 */

/** The facts about an installation that a service manager needs. */
export interface Installation {
  /** `[app] name`: the name of the service. */
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

/** The state of a service. */
export type ServiceState =
  /** `takenBy`: the folder whose service has the name; `undefined` if there is none of that name. */
  | { readonly state: "not-installed"; readonly takenBy: string | undefined }
  | InstalledState;

/** The state of an installed service. */
export interface InstalledState {
  readonly state: "running" | "stopped" | "failed" | "changing";
  /** In the system's own words, e.g. `active (running)`. */
  readonly description: string;
  /** Since when, RFC 3339; `undefined` if the system does not say. */
  readonly since: string | undefined;
  /** Starts with the machine. */
  readonly automatic: boolean;
  /** The user it runs as. */
  readonly user: string;
  /** The service's last status message. */
  readonly said: string | undefined;
  /** Why it failed, as far as the system knows: lines of its journal, or its exit status. */
  readonly reason?: string | undefined;
  /** How often the system has restarted it since it was started. */
  readonly restarts: number | undefined;
  /** Where the system keeps it, e.g. the path of the unit. */
  readonly place: string;
}

/** Errors are for the administrator: they say what to do. */
export interface ServiceManager {
  /**
   * Creates the service and enables it at boot, but does not start it. Idempotent.
   *
   * @param options `user`: who it runs as. Without it, a system user of its own is made
   * @returns what was done, a line each
   * @throws when the name belongs to another folder's service
   */
  install(installation: Installation, options: { readonly user: string | undefined }): Promise<readonly string[]>;
  /** Stops and removes the service and everything that `install` created. Log, state and configuration stay. */
  uninstall(installation: Installation): Promise<readonly string[]>;
  /** Resolves when the agent works. */
  start(installation: Installation): Promise<void>;
  /** Resolves when it has ended. */
  stop(installation: Installation): Promise<void>;
  state(installation: Installation): Promise<ServiceState>;
}
