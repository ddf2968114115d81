/**
 * Instance transforms, which turn the same MSI into another product: `msiexec … TRANSFORMS=":instance.1"`. Each is a
 * storage in the MSI with the rows that differ. light writes them from `InstanceTransforms`; wixl does not, so this
 * does.
 *
 * They differ in product code, upgrade code, name and the instance's property, in the component ids (otherwise
 * components would stay behind as long as another instance shares them), and in the rows that look for older versions.
 */
import { createHash } from "node:crypto";
import type { Storage, Stream } from "./compound_file.ts";
import {
  type Database,
  encodeValue,
  littleEndian,
  streamName,
  StringPool,
  type Table,
  type Value,
} from "./msi_tables.ts";

/** An instance, as declared in the source. */
export interface Instance {
  /** Also the name of the transform, e.g. `instance.1`. */
  readonly id: string;
  readonly productCode: string;
  readonly productName: string;
  readonly upgradeCode: string;
}

/** Class id of transforms: {000C1082-0000-0000-C000-000000000046}. */
const transformClass = new Uint8Array([0x82, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46]);

/** Adds one transform for each instance. `property` gets the instance's id. */
export function addInstances(
  database: Database,
  { instances, property }: { instances: readonly Instance[]; property: string },
): void {
  for (const instance of instances) {
    database.storage.entries.set(instance.id, transform(database, { instance, property }));
  }
}

function transform(
  database: Database,
  { instance, property }: { instance: Instance; property: string },
): Storage {
  const pool = new StringPool({ codePage: database.pool.codePage, isLong: false });
  const properties = database.table("Property");
  const old = (name: string) => String(properties.rows.find(([key]) => key === name)?.[1] ?? "");
  const changed: readonly [string, string][] = [
    ["ProductCode", instance.productCode],
    ["ProductName", instance.productName],
    ["UpgradeCode", instance.upgradeCode],
    [property, instance.id],
  ];
  const components = database.table("Component");
  const upgrades = database.table("Upgrade");
  const streams: [string, number[]][] = [
    ["Property", changed.flatMap(([name, value]) => update(properties, { keys: [name], column: 1, value, pool }))],
    [
      "Component",
      components.rows.flatMap(([name, id]) => {
        const value = componentId(String(id), instance.id);
        return update(components, { keys: [name ?? null], column: 1, value, pool });
      }),
    ],
    [
      "Upgrade",
      upgrades.rows.flatMap((row) => [
        ...remove(upgrades, row, pool),
        ...insert(upgrades, [instance.upgradeCode, ...row.slice(1)], pool),
      ]),
    ],
  ];
  const revision = `${old("ProductCode")}${old("ProductVersion")};${instance.productCode}${old("ProductVersion")};` +
    old("UpgradeCode");
  return {
    classId: transformClass,
    entries: new Map<string, Stream>([
      ...streams.map(([name, bytes]) => [streamName(name), new Uint8Array(bytes)] as const),
      ...pool.write(),
      ["\u0005SummaryInformation", summary({ revision })],
    ]),
  };
}

/**
 * The id of a component in an instance: different in each instance, the same in every version.
 *
 * @example
 * ```ts
 * import { assertMatch } from "../tests/assert.ts";
 * assertMatch(componentId("{A}", "instance.1"), /^\{[0-9A-F]{8}-[0-9A-F]{4}-5[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}\}$/);
 * ```
 */
export function componentId(id: string, instance: string): string {
  return guidOf(`${id}:${instance}`);
}

/** A GUID derived from a text (shaped like RFC 9562 version 5, but from SHA-256). */
export function guidOf(text: string): string {
  const hash = createHash("sha256").update(text).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString("hex").toUpperCase();
  return `{${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}}`;
}

/**
 * A row of a transform starts with its operation: 0 deletes, bit 0 set inserts (with the number of columns), anything
 * else updates.
 */
function update(
  { columns }: Table,
  change: { keys: readonly Value[]; column: number; value: Value; pool: StringPool },
): number[] {
  const { keys, column, value, pool } = change;
  const changed = columns[column];
  if (changed === undefined) throw new Error("Cannot change a column that the table does not have");
  return [
    ...littleEndian(1 << column, 2),
    ...columns.filter(({ isKey }) => isKey).flatMap((key, index) => encodeValue(keys[index] ?? null, key, pool)),
    ...encodeValue(value, changed, pool),
  ];
}

function insert({ columns }: Table, row: readonly Value[], pool: StringPool): number[] {
  const values = columns.flatMap((column, index) => encodeValue(row[index] ?? null, column, pool));
  return [...littleEndian(1 | (columns.length << 8), 2), ...values];
}

function remove({ columns }: Table, row: readonly Value[], pool: StringPool): number[] {
  const keys = columns.flatMap((column, index) => column.isKey ? encodeValue(row[index] ?? null, column, pool) : []);
  return [...littleEndian(0, 2), ...keys];
}

const summaryIds = {
  codePage: 1,
  title: 2,
  platform: 7,
  platformAfter: 8,
  revision: 9,
  version: 14,
  flags: 16,
  security: 19,
};

/** The property set of a transform ([MS-OLEPS]). */
function summary({ revision }: { revision: string }): Stream {
  const text = (value: string): number[] => {
    const bytes = [...value, "\0"].map((character) => character.charCodeAt(0));
    while (bytes.length % 4 !== 0) bytes.push(0);
    return [...littleEndian(0x1e, 4), ...littleEndian(value.length + 1, 4), ...bytes];
  };
  const number = (value: number): number[] => [...littleEndian(3, 4), ...littleEndian(value, 4)];
  const values: readonly (readonly [number, number[]])[] = [
    [summaryIds.codePage, [...littleEndian(2, 4), ...littleEndian(1252, 4)]],
    [summaryIds.title, text("Transform")],
    [summaryIds.platform, text("x64;1033")],
    [summaryIds.platformAfter, text("x64;1033")],
    [summaryIds.revision, text(revision)],
    [summaryIds.version, number(500)],
    [summaryIds.flags, number(0)],
    [summaryIds.security, number(4)],
  ];
  const head = 8 + values.length * 8;
  let at = head;
  const places = values.flatMap(([id, bytes]) => {
    const place = [...littleEndian(id, 4), ...littleEndian(at, 4)];
    at += bytes.length;
    return place;
  });
  const section = [
    ...littleEndian(at, 4),
    ...littleEndian(values.length, 4),
    ...places,
    ...values.flatMap(([, b]) => b),
  ];
  const format = [0xe0, 0x85, 0x9f, 0xf2, 0xf9, 0x4f, 0x68, 0x10, 0xab, 0x91, 0x08, 0x00, 0x2b, 0x27, 0xb3, 0xd9];
  const start = [...littleEndian(0xfffe, 2), 0, 0, ...littleEndian(0x0002_0006, 4), ...new Array<number>(16).fill(0)];
  return new Uint8Array([...start, ...littleEndian(1, 4), ...format, ...littleEndian(48, 4), ...section]);
}
