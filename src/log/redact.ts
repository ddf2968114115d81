/**
 * Keeps secrets out of the log, at the one place that every line passes. Two safety nets: registered values, wherever
 * they occur, and the patterns that secrets usually have.
 */
import type { FieldValue, LogEntry } from "./entry.ts";

const mask = "***";

/** Shorter values are not searched for: they occur by chance. In characters. */
const secretCharactersMin = 4;
/** How many values may be registered; the oldest are forgotten first. */
const secretsMax = 1000;

/** Only matching texts are examined more closely: most lines contain none of this. */
const suspicious =
  /:\/\/|pwd|pass|secret|token|cookie|authorization|bearer|assertion|credential|signature|device|eyJ|PRIVATE KEY|"d"|[_-][A-Za-z0-9_-]{16}/i;

/** Repetitions are bounded if they could otherwise start at every character: a long line must not take long. */
const shapes: readonly { readonly pattern: RegExp; readonly replacement: string }[] = [
  // https://user:password@host
  { pattern: /(\b[a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#"'@]*(?:@[^\s/?#"'@]+)*@/gi, replacement: `$1${mask}@` },
  // PWD=…; and Password=…; of a connection string, values in braces or quotes included
  {
    pattern:
      /\b((?:pwd|password|passwd|passphrase)\s*=\s*)(?:\{(?:[^}]|\}\}){0,1000}\}|"[^"]{0,1000}"|'[^']{0,1000}'|[^;\r\n]{0,300}(?=;)|[^\s;]*)/gi,
    replacement: `$1${mask}`,
  },
  // "password": "…" in JSON, and the private half of a JSON Web Key
  {
    pattern:
      /("(?:[a-z_-]{0,40}(?:password|passwd|passphrase|secret|token|assertion|device_code|private_?key)|pwd|d)"\s*:\s*")(?:[^"\\]|\\.)*"/gi,
    replacement: `$1${mask}"`,
  },
  // Header fields
  { pattern: /\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?)(?:[a-z]+\s+)?[^\s"',;]+/gi, replacement: `$1${mask}` },
  { pattern: /\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}/gi, replacement: `$1${mask}` },
  { pattern: /\b((?:set-)?cookie\s*:\s*).*/gi, replacement: `$1${mask}` },
  // Parameters of requests and of signed addresses
  {
    pattern:
      /\b((?:access_token|refresh_token|id_token|device_code|client_assertion|client_secret|x-amz-signature|x-amz-credential|x-amz-security-token|signature|token)=)[^\s&"']+/gi,
    replacement: `$1${mask}`,
  },
  // JSON Web Tokens
  { pattern: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{4,}\.?[A-Za-z0-9_-]*/g, replacement: mask },
  // Keys
  {
    pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
    replacement: mask,
  },
  // API tokens with a prefix, as hubs and other services give them out
  { pattern: /\b(?:sk|icl|clt|ghp|xox[abp])[_-][A-Za-z0-9_-]{16,}/g, replacement: mask },
];

/** Fields whose name indicates a secret. */
const secretField =
  /(?:^|[a-z_.-])(?:password|passwd|passphrase|pwd|secret|token|authorization|cookie|assertion|device_?code|private_?key|connection_?string)$/i;

/** Masks secrets in log entries. */
export class Redactor {
  readonly #secrets = new Set<string>();
  #registered: RegExp | undefined;

  /** From now on `secret` is masked wherever it occurs, percent-encoded and JSON-escaped too. */
  register(secret: string): void {
    if (secret.length < secretCharactersMin) return;
    const forms = [secret, encodeURIComponent(secret.toWellFormed()), JSON.stringify(secret).slice(1, -1)];
    for (const form of forms) this.#secrets.add(form);
    while (this.#secrets.size > secretsMax) {
      const [oldest = ""] = this.#secrets;
      this.#secrets.delete(oldest);
    }
    // Longest first: one secret may be the prefix of another.
    const alternatives = [...this.#secrets].sort((a, b) => b.length - a.length).map(escapeRegExp);
    this.#registered = new RegExp(alternatives.join("|"), "g");
  }

  /** Masks secrets in a text. */
  text(text: string): string {
    let result = this.#registered === undefined ? text : text.replace(this.#registered, mask);
    if (!suspicious.test(result)) return result;
    for (const { pattern, replacement } of shapes) result = result.replace(pattern, replacement);
    return result;
  }

  /** Masks secrets in the message and, at any depth, in the fields. */
  entry(entry: LogEntry): LogEntry {
    return { ...entry, message: this.text(entry.message), fields: this.#members(entry.fields) };
  }

  #members(members: Readonly<Record<string, FieldValue>>): Record<string, FieldValue> {
    const result: Record<string, FieldValue> = {};
    for (const [key, value] of Object.entries(members)) {
      const hidden = secretField.test(key) && value !== null && typeof value !== "boolean" && typeof value !== "number";
      result[this.text(key)] = hidden ? mask : this.#value(value);
    }
    return result;
  }

  #value(value: FieldValue): FieldValue {
    if (typeof value === "string") return this.text(value);
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((member) => this.#value(member));
    return this.#members(value as Readonly<Record<string, FieldValue>>);
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
