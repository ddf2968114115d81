/** The message that shows a PIN, worded exactly as in the manual. */

/** Everything the message depends on; its wording never changes. */
export interface PinMessageOptions {
  /** Six digits. */
  readonly pin: string;
  /** The configured hub; the manual's two addresses are this hub's. */
  readonly hubUrl: URL;
  /** How long the PIN is valid from now, in seconds. */
  readonly expiresInSeconds: number;
}

/** Path of the integrations page on the hub. */
const integrationsPath = "/account/integrations";

/**
 * The six lines of the message, without newlines.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const lines = pinMessageLines({ pin: "424242", hubUrl: new URL("https://www.injixo.com"), expiresInSeconds: 300 });
 * assertEquals(lines[2], "**  1) Log in to injixo.com");
 * assertEquals(lines[5], "**  4) Enter your pin: 424242 (expires in 5 minutes)");
 * ```
 */
export function pinMessageLines(options: PinMessageOptions): readonly string[] {
  const { pin, hubUrl, expiresInSeconds } = options;
  return [
    "** Before you are able to run the client,",
    "** link it to your injixo account:",
    `**  1) Log in to ${hubUrl.host.replace(/^www\./, "")}`,
    `**  2) Visit ${new URL(integrationsPath, hubUrl).href}`,
    "**  3) Select an integration you want to connect the client to",
    `**  4) Enter your pin: ${pin} (expires in ${inMinutes(expiresInSeconds)})`,
  ];
}

/** The message as one text. */
export function pinMessage(options: PinMessageOptions): string {
  return pinMessageLines(options).join("\n");
}

/** Rounded down, so that nobody relies on a minute that is not left; a second or two lost in transit do not count. */
function inMinutes(seconds: number): string {
  const minutes = Math.floor((seconds + 5) / 60);
  if (minutes >= 2) return `${minutes} minutes`;
  return minutes === 1 ? "1 minute" : "less than a minute";
}
