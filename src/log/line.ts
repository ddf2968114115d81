/** A log entry as one line of text or of JSON. */
import type { FieldValue, LogEntry } from "./entry.ts";
import { cut, escapeControls, lineCharactersMax } from "./escape.ts";

const levelNames = { trace: "TRACE", debug: "DEBUG", info: "INFO ", warning: "WARN ", error: "ERROR", fatal: "FATAL" };

/**
 * `2025-03-01T07:05:09.120+01:00 WARN  csv: Cannot read "a.csv": it is locked. bytes=12`, without the newline.
 */
export function textLine(entry: LogEntry): string {
  const fields = Object.entries(entry.fields).map(([key, value]) => ` ${key}=${fieldText(value)}`).join("");
  // What is cut off need not be escaped: a message of megabytes costs no more than one of maximum length.
  const body = cut(`${entry.category}: ${entry.message}${fields}`);
  return `${localTime(entry.timestampMs)} ${levelNames[entry.level]} ${escapeControls(body)}`;
}

/** `{"time":…,"level":…,"category":…,"message":…,"fields":{…}}`, without the newline. */
export function jsonLine(entry: LogEntry): string {
  const { level, category, message, fields } = entry;
  const time = localTime(entry.timestampMs);
  const whole = JSON.stringify({ time, level, category, message: cut(message), fields });
  if (whole.length <= 2 * lineCharactersMax) return escapeSeparators(whole);
  return escapeSeparators(
    JSON.stringify({ time, level, category, message: cut(message), fields: { cut: cut(JSON.stringify(fields)) } }),
  );
}

/** JSON itself escapes newlines and C0 controls; the other characters of `escapeControls` would pass. */
function escapeSeparators(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function fieldText(value: FieldValue): string {
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/**
 * Local time with its offset from UTC (ISO 8601), in ms.
 *
 * @example
 * ```ts
 * import { assertMatch } from "../../tests/assert.ts";
 * assertMatch(localTime(0), /^19(69|70)-\d\d-\d\dT\d\d:\d\d:\d\d\.000[+-]\d\d:\d\d$/);
 * ```
 */
export function localTime(timestampMs: number): string {
  const date = new Date(timestampMs);
  if (Number.isNaN(date.getTime())) return "unknown-time";
  const offsetMinutes = -date.getTimezoneOffset();
  const offset = Math.abs(offsetMinutes);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const zone = `${offsetMinutes < 0 ? "-" : "+"}${two(Math.trunc(offset / 60))}:${two(offset % 60)}`;
  return `${localDate(timestampMs)}T${time}.${String(date.getMilliseconds()).padStart(3, "0")}${zone}`;
}

/** `YYYY-MM-DD` in local time. */
export function localDate(timestampMs: number): string {
  const date = new Date(timestampMs);
  return `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
