/**
 * The columns that a query must return, by import data type, as the manual lists them. Names are compared
 * case-insensitively; other columns are passed on unread.
 */
import type { DataType } from "../protocol/database.ts";

/** What a value must be. `time` is the one that windows apply to, `time?` another point in time. */
export type ColumnKind = "text" | "integer" | "boolean-or-integer" | "time" | "time?" | "channel";

/** What is required of one column of a data type. */
export interface ColumnRule {
  readonly name: string;
  readonly kind: ColumnKind;
  /** The query must return the column. */
  readonly required: boolean;
  /** Every row must have a value. */
  readonly filled: boolean;
}

/**
 * Longest identifier, name or activity, in UTF-16 code units: people read them, so anything longer is another column
 * taken by mistake.
 */
export const textCharactersMax = 1000;

/** The channels of contacts; `calls` if the column is absent or empty. */
export const channels = ["calls", "chats", "emails", "social_media", "documents", "cases"] as const;

const channel = rule("channel", "channel", { required: false });

/** The columns of each data type, in the manual's order. */
export const columnsOf: Readonly<Record<DataType, readonly ColumnRule[]>> = {
  interval: [
    rule("queueidentifier", "text"),
    rule("queuename", "text", { filled: false }),
    rule("timestamp", "time"),
    rule("offered", "integer"),
    rule("answered", "integer"),
    rule("handlingtime", "integer"),
    channel,
  ],
  contact: [
    rule("queueidentifier", "text"),
    rule("queuename", "text", { filled: false }),
    rule("timestamp", "time"),
    rule("answered", "boolean-or-integer"),
    rule("duration", "integer", { required: false }),
    channel,
  ],
  "agent-status": [
    rule("agentidentifier", "text"),
    rule("starttime", "time"),
    rule("endtime", "time?", { required: false }),
    rule("activity", "text"),
  ],
};

/** The column that windows apply to. */
export function timeColumnOf(dataType: DataType): string {
  return dataType === "agent-status" ? "starttime" : "timestamp";
}

/** The position of a rule's column in the result; `-1` if an optional one is absent. */
export interface PlacedColumn {
  readonly rule: ColumnRule;
  readonly index: number;
}

/**
 * The positions of the columns in a result; `time` is the one windows apply to. `reason` says what is missing, for
 * people.
 */
export type Placement =
  | { readonly ok: true; readonly columns: readonly PlacedColumn[]; readonly time: PlacedColumn }
  | { readonly ok: false; readonly reason: string };

/**
 * Finds the columns of a data type among the names that the query returns.
 *
 * @example
 * ```ts
 * import { assert } from "../../tests/assert.ts";
 * assert(placeColumns(["STARTTIME", "AgentIdentifier", "activity"], "agent-status").ok);
 * ```
 */
export function placeColumns(names: readonly string[], dataType: DataType): Placement {
  const lower = names.map((name) => name.trim().toLowerCase());
  const rules = columnsOf[dataType];
  const missing = rules.filter((rule) => rule.required && !lower.includes(rule.name)).map((rule) => rule.name);
  const twice = rules.map((rule) => rule.name).filter((name) => lower.indexOf(name) !== lower.lastIndexOf(name));
  if (missing.length > 0) {
    const has = names.length > 0 ? names.join(", ") : "none";
    return {
      ok: false,
      reason:
        `The query lacks ${missing.length === 1 ? "the column" : "the columns"} ${
          missing.join(", ")
        }: it returns ${has}. ` +
        `Name ${missing.length === 1 ? "it" : "them"} with AS in the query.`,
    };
  }
  if (twice.length > 0) {
    return { ok: false, reason: `The query returns ${twice.join(", ")} more than once: keep one of them.` };
  }
  const columns = rules.map((rule) => ({ rule, index: lower.indexOf(rule.name) }));
  const time = columns.find((column) => column.rule.kind === "time");
  if (!time) throw new Error(`Data type "${dataType}" has no time column`);
  return { ok: true, columns, time };
}

/** A truth value as databases without a type for it write it; 0 and 1 are integers like any other. */
export function booleanOf(text: string): 0 | 1 | undefined {
  return /^t(rue)?$/i.test(text) ? 1 : /^f(alse)?$/i.test(text) ? 0 : undefined;
}

function rule(
  name: string,
  kind: ColumnKind,
  { required = true, filled = required }: { required?: boolean; filled?: boolean } = {},
): ColumnRule {
  return { name, kind, required, filled };
}
