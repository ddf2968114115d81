/** Windows error numbers (winerror.h) that services encounter, and what to do about them. */

/** Return values of GetLastError or of a call itself; remedies, if any, are in {@linkcode WindowsError}'s message. */
export const windowsErrors = {
  fileNotFound: 2,
  accessDenied: 5,
  invalidLevel: 124,
  alreadyRunning: 1056,
  invalidAccount: 1057,
  disabled: 1058,
  doesNotExist: 1060,
  notActive: 1062,
  serviceSpecific: 1066,
  logonFailed: 1069,
  markedForDelete: 1072,
  exists: 1073,
} as const;

/** A failed call of the Windows API. `number` is from GetLastError or the call itself. */
export class WindowsError extends Error {
  override readonly name = "WindowsError";
  readonly number: number;

  /** @param act what could not be done, e.g. `create the service "x"` */
  constructor(act: string, number: number) {
    super(`Cannot ${act}: ${explain(number)} (Windows error ${number})`);
    this.number = number;
  }
}

function explain(number: number): string {
  switch (number) {
    case windowsErrors.fileNotFound:
      return "it does not exist";
    case windowsErrors.accessDenied:
      return "this user is not allowed to. Run it in a console that was opened with “Run as administrator”";
    case windowsErrors.invalidAccount:
    case windowsErrors.logonFailed:
      return "Windows does not accept the account. Set account and password on the page “Log On” of the service in " +
        "services.msc";
    case windowsErrors.disabled:
      return 'the service is disabled. Set its start type to "Automatic" in services.msc';
    case windowsErrors.doesNotExist:
      return 'there is no such service. Create it: "injixo-cloud-link service install"';
    case windowsErrors.markedForDelete:
      return "the service is being removed. Close services.msc and the Task Manager, then try again";
    default:
      return `see "net helpmsg ${number}"`;
  }
}
