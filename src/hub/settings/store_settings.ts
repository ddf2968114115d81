/** Prepares settings for an integration's row: checked, with the secret sealed. */
import { catalogue } from "../i18n/messages.ts";
import { HubProblem } from "../services.ts";
import { checkSettings, type SettingsFault } from "./check_settings.ts";
import { type SettingsInput, type StoredSettings, storedSettings } from "./database_settings.ts";
import type { SecretBox } from "./secret_box.ts";

/** The settings are incomplete or invalid; `faults` says where. */
export class SettingsProblem extends HubProblem {
  readonly faults: readonly SettingsFault[];
  constructor(faults: readonly SettingsFault[]) {
    super("invalid-request", "These settings cannot be saved: correct the fields named in `errors`.", {
      errors: faults.map((fault) => ({ field: `settings.${fault.field}`, detail: faultText(catalogue.en, fault) })),
    });
    this.faults = faults;
  }
}

/** What is wrong, in the language of `messages`. */
export function faultText(messages: (typeof catalogue)["en"], { key, reason }: SettingsFault): string {
  const text = messages[key];
  return typeof text === "function" ? text({ reason: reason ?? "" }) : text;
}

/**
 * The JSON for the row.
 *
 * @throws {SettingsProblem}
 */
export function sealedSettings(
  input: SettingsInput,
  options: { beforeJson: string; integrationId: string; box: SecretBox; nowMs: number },
): string {
  const before = storedSettings(options.beforeJson);
  const check = checkSettings(input, { before, nowMs: options.nowMs });
  if (!check.ok) throw new SettingsProblem(check.faults);
  const { settings, secret } = check.accepted;
  const stored: StoredSettings = {
    ...settings,
    secret: secret.keep
      ? before?.secret ?? null
      : secret.text === null
      ? null
      : options.box.seal(secret.text, options.integrationId),
  };
  return JSON.stringify(stored);
}
