/** Numbers of Windows' errors (winerror.h) that services meet, and what to do about them. */

/** What GetLastError or a call itself answers; those with a remedy have it in {@linkcode WindowsError}'s message. */
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

/** A call of the Windows API has failed. `number` is what GetLastError or the call itself said. */
export class WindowsError extends Error {
  override readonly name = "WindowsError";
  readonly number: number;

  /** @param act what could not be done, e.g. `make the service "x"` */
  constructor(act: string, number: number) {
    super(`Cannot ${act}: ${explain(number)} (Windows error ${number})`);
    this.number = number;
  }
}

function explain(number: number): string {
  switch (number) {
    case windowsErrors.fileNotFound:
      return "there is no such thing";
    case windowsErrors.accessDenied:
      return "this user may not. Run it in a console that was opened with “Run as administrator”";
    case windowsErrors.invalidAccount:
    case windowsErrors.logonFailed:
      return "Windows does not accept the account. Set account and password on the page “Log On” of the service in " +
        "services.msc";
    case windowsErrors.disabled:
      return 'the service is disabled. Set its start type to "Automatic" in services.msc';
    case windowsErrors.doesNotExist:
      return 'there is no such service. Make it: "injixo-cloud-link service install"';
    case windowsErrors.markedForDelete:
      return "the service is being removed. Close services.msc and the Task Manager, then try again";
    default:
      return `see "net helpmsg ${number}"`;
  }
}
