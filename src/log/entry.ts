/** The content of a log line: plain data, so that it can be redacted, sent to another thread and written anywhere. */
import type { LogLevel, LogRecord } from "@logtape/logtape";

/** One line of the log. Strings are raw: not yet redacted, not yet escaped. */
export interface LogEntry {
  /** In ms since the epoch. */
  readonly timestampMs: number;
  readonly level: LogLevel;
  /** Without the leading `cloud-link`: `spool`, `egress.relay`. */
  readonly category: string;
  readonly message: string;
  /** What the message does not already say. */
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/** JSON values: nothing with methods gets into a line, so nothing can change or throw while it is written. */
export type FieldValue =
  | string
  | number
  | boolean
  | null
  | readonly FieldValue[]
  | { readonly [key: string]: FieldValue };

/** Takes one line. Never throws. */
export type EntryOutput = (entry: LogEntry) => void;

/** Category of all loggers of this program. */
export const rootCategory = "cloud-link";

/** Fields nested deeper than this are shortened. */
const depthMax = 6;
/** Lists and objects with more members are shortened. */
const membersMax = 50;

/** Only this much of a text is processed: four times the longest line. In characters. */
const charactersMax = 65_536;

/** Turns a record into plain data. Errors become their message, code and causes. */
export function toEntry(record: LogRecord): LogEntry {
  const message = record.message
    .map((part, index) => index % 2 === 0 ? String(part) : inline(part, record.level))
    .join("").slice(0, charactersMax);
  const shown = placeholders(record.rawMessage);
  const fields: Record<string, FieldValue> = {};
  for (const [key, value] of Object.entries(record.properties)) {
    if (!shown.has(key) && value !== undefined) fields[key] = plain(value, { depth: 0, level: record.level });
  }
  const [first, ...rest] = record.category;
  const category = first === rootCategory && rest.length > 0 ? rest : record.category;
  return { timestampMs: record.timestamp, level: record.level, category: category.join("."), message, fields };
}

/** Names in a message template: their values are in the message. */
function placeholders(template: LogRecord["rawMessage"]): ReadonlySet<string> {
  if (typeof template !== "string" || !template.includes("{")) return none;
  return new Set(Array.from(template.matchAll(/\{\s*([^{}]+?)\s*\}/g), (match) => match[1] ?? ""));
}
const none: ReadonlySet<string> = new Set();

function inline(value: unknown, level: LogLevel): string {
  const simple = plain(value, { depth: 0, level });
  return typeof simple === "object" && simple !== null ? JSON.stringify(simple) : String(simple);
}

function plain(value: unknown, state: { depth: number; level: LogLevel }): FieldValue {
  switch (typeof value) {
    case "string":
      return value.slice(0, charactersMax);
    case "number":
    case "boolean":
      return value;
    case "object":
      return value === null ? null : plainObject(value, state);
    default:
      return String(value); // bigint, symbol, function, undefined
  }
}

function plainObject(value: object, state: { depth: number; level: LogLevel }): FieldValue {
  if (value instanceof Error) return describeError(value, { stack: state.level === "fatal" });
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  if (value instanceof URL) return value.href;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `${value.byteLength} bytes`;
  if (state.depth >= depthMax) return "…";
  const deeper = { ...state, depth: state.depth + 1 };
  if (Array.isArray(value) || value instanceof Set) return plainList([...value], deeper);
  const members = value instanceof Map ? [...value] : Object.entries(value);
  const result: Record<string, FieldValue> = {};
  for (const [key, member] of members.slice(0, membersMax)) result[String(key)] = plain(member, deeper);
  if (members.length > membersMax) result["…"] = `${members.length - membersMax} more`;
  return result;
}

function plainList(values: readonly unknown[], state: { depth: number; level: LogLevel }): FieldValue {
  const result: FieldValue[] = values.slice(0, membersMax).map((value) => plain(value, state));
  if (values.length > membersMax) result.push(`… ${values.length - membersMax} more`);
  return result;
}

/** An error and its causes in one line: `Cannot send: …, because TypeError: …`. */
function describeError(error: unknown, options: { stack?: boolean } = {}): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < depthMax && current !== undefined && current !== null; depth++) {
    if (!(current instanceof Error)) {
      parts.push(String(current));
      break;
    }
    const kind = current.name === "Error" ? "" : `${current.name}: `;
    const { code } = current as { code?: unknown };
    const shownCode = typeof code === "string" && !current.message.includes(code) ? ` (${code})` : "";
    const several = current instanceof AggregateError
      ? ` [${current.errors.slice(0, depthMax).map((each) => describeError(each)).join("; ")}]`
      : "";
    parts.push(`${kind}${current.message}${shownCode}${several}`);
    if (options.stack && current.stack !== undefined) parts.push(current.stack);
    current = current.cause;
  }
  return parts.join(", because ");
}
