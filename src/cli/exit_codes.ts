/** The meaning of every command's exit codes. Scripts rely on them: never change one. */

/** By outcome; above 128, a signal, as in shells. */
export const exitCodes = {
  ok: 0,
  /** The command failed; for `check`: some check did. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The configuration is wrong. */
  configuration: 3,
  /** No agent is running in this folder, or this user may not talk to it. */
  noAgent: 4,
  /** Another agent is running in this folder. */
  alreadyRunning: 5,
  /** The PIN has expired, or the link was refused. */
  notLinked: 6,
  /** Ended by Ctrl-C before it was done (128 + SIGINT). */
  interrupted: 130,
} as const;
/** One of {@linkcode exitCodes}: commands return it, and only `main.ts` ends the process with it. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** One line each, for help texts. */
export const exitCodeTexts: readonly (readonly [ExitCode, string])[] = [
  [exitCodes.ok, "done"],
  [exitCodes.failed, "failed; for check: something has to be done"],
  [exitCodes.usage, "wrong command line"],
  [exitCodes.configuration, "wrong configuration"],
  [exitCodes.noAgent, "no agent is running in this folder, or this user may not use it"],
  [exitCodes.alreadyRunning, "another agent is running in this folder"],
  [exitCodes.notLinked, "the PIN has expired, or the link was refused"],
  [exitCodes.interrupted, "ended by Ctrl-C before it was done"],
];
