/** Makes values of a JSON Schema (those that zod writes): mostly right ones, on the edges, now and then wrong. */
import type { Json } from "../mutate.ts";
import type { Random } from "../random.ts";

/** A schema, as far as it is read here. */
export interface JsonSchema {
  readonly type?: string;
  readonly const?: Json;
  readonly enum?: readonly Json[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}

/** One value. */
export function valueOf(schema: JsonSchema, random: Random): Json {
  if (random.oneIn(60)) return random.pick([null, 0, "", [], {}, true] as Json[]);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return random.pick(schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return valueOf(random.pick(choices), random);
  switch (schema.type) {
    case "object":
      return objectOf(schema, random);
    case "array":
      return listOf(schema, random);
    case "boolean":
      return random.oneIn(2);
    case "integer":
    case "number":
      return numberOf(schema, random);
    case "null":
      return null;
    default:
      return textOf(schema, random);
  }
}

function objectOf({ properties = {}, required = [] }: JsonSchema, random: Random): Json {
  const names = Object.keys(properties).filter((name) =>
    required.includes(name) ? !random.oneIn(40) : !random.oneIn(3)
  );
  return Object.fromEntries(names.map((name) => [name, valueOf(properties[name] ?? {}, random)]));
}

function listOf({ items = {}, minItems = 0, maxItems = 5 }: JsonSchema, random: Random): Json {
  const length = minItems + random.below(Math.min(maxItems, 5) + 1 - Math.min(minItems, 5));
  return Array.from({ length }, () => valueOf(items, random));
}

function numberOf({ minimum = 0, maximum = 1000 }: JsonSchema, random: Random): number {
  return random.pick([minimum, maximum, minimum + 1, Math.min(maximum, minimum + random.below(1000)), minimum - 1]);
}

function textOf({ pattern, format, minLength = 0, maxLength = 40 }: JsonSchema, random: Random): string {
  if (pattern?.includes("[0-9a-f]{64}")) return random.pick(["a", "b", "0"]).repeat(64);
  if (pattern?.includes("[0-9]{6}")) return String(random.below(1_000_000)).padStart(6, "0");
  if (format === "date-time") return random.pick(instants);
  if (format === "date") return random.pick(["2026-01-01", "0000-01-01", "9999-12-31"]);
  if (format === "uri") return "https://hub.example/x";
  return random.pick([
    "x",
    "x".repeat(minLength),
    "x".repeat(Math.min(maxLength, 5000)),
    "x".repeat(Math.min(maxLength, 5000) + 1),
    random.text(20),
    "Europe/Berlin",
    "SELECT * FROM t",
    "db.example",
  ]);
}

const instants: readonly string[] = [
  "2026-01-01T00:00:00Z",
  "2026-01-01T00:15:00.000Z",
  "0000-01-01T00:00:00Z",
  "9999-12-31T23:59:59.999999999Z",
  "2026-02-28T23:59:59+01:00",
];
