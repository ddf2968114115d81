/** How each column of a result is fetched: as which C type, in how many bytes, bound or in pieces. */
import { cType, sqlType } from "./constants.ts";
import type { Column, ColumnKind } from "../database/row_source.ts";

/** A column as the driver describes it (SQLDescribeCol, SQLColAttribute). */
export interface DescribedColumn {
  readonly name: string;
  readonly type: number;
  /** Characters, digits or bytes; 0 if the driver does not know. */
  readonly size: number;
  readonly scale: number;
  readonly typeName: string;
  readonly unsigned: boolean;
}

/** The format of a cell's bytes. Numbers, since the encoder's inner loop switches on them. */
export const cell = {
  /** ASCII of digits, dates and the like, in `SQL_C_CHAR`. */
  ascii: 0,
  /** UTF-16. */
  wide: 1,
  /** 64 bits, signed. */
  integer: 2,
  double: 3,
  real: 4,
  bit: 5,
  /** `SQL_TIMESTAMP_STRUCT`. */
  timestamp: 6,
  binary: 7,
  /** UTF-8 in `SQL_C_CHAR`, from drivers that support it. */
  utf8: 8,
  /** A GUID in `SQL_C_CHAR`, to be given in lower case: it may identify a contact, as the database's users see it. */
  lowerGuid: 9,
} as const;
/** One of {@linkcode cell}: a number, since the encoder switches on it for every value. */
export type Cell = (typeof cell)[keyof typeof cell];

/** How one column is fetched. */
export interface PlannedColumn extends Column {
  readonly cell: Cell;
  readonly cType: number;
  /**
   * Bytes of one bound cell: for fixed-size types exactly their size, since drivers advance by that and not by what
   * they are told.
   */
  readonly width: number;
  /** Bytes that the driver needs for its null terminator. */
  readonly terminator: number;
  /** Values may be of any length. */
  readonly long: boolean;
}

/** What the driver can do, and what earlier runs have shown. */
export interface PlanOptions {
  /** Values that did not fit can be fetched whole afterwards, from anywhere in a block. */
  readonly refetch: boolean;
  readonly textOnly: boolean;
  readonly narrow: boolean;
  /** Text arrives as UTF-8 in `SQL_C_CHAR`, without a detour through wide characters. */
  readonly utf8Text: boolean;
  readonly lowerGuids: boolean;
  readonly sizesHold: boolean;
  /** Timestamps with a zone come without their offset. */
  readonly losesOffset: boolean;
  readonly longColumns: ReadonlySet<string>;
  /** Text columns known by the caller to be times with an offset. */
  readonly zonedColumns: ReadonlySet<string>;
}

/** Characters bound if longer values can be fetched afterwards: enough for most texts, and blocks stay small. */
const optimisticCharacters = 250;
/** Characters bound if they cannot: SQL Server's largest declared length. */
const boundCharactersMax = 8000;
/** Sign, point, leading zero and null terminator, plus exponents from drivers that write them. */
const numberRoom = 8;
const numberWidthMin = 48;
const timeWidth = 64;
const guidWidth = 40;
const timestampWidth = 16;

/** Decides how to fetch `column`. */
export function planColumn(column: DescribedColumn, options: PlanOptions): PlannedColumn {
  const known = { name: column.name, typeName: column.typeName };
  const fixed = (kind: ColumnKind, as: Cell, type: number, width: number): PlannedColumn => {
    return { ...known, kind, cell: as, cType: type, width, terminator: 0, long: false };
  };
  const ascii = (kind: ColumnKind, width: number): PlannedColumn => {
    return { ...known, kind, cell: cell.ascii, cType: cType.char, width: align(width), terminator: 1, long: false };
  };
  if (options.zonedColumns.has(column.name)) {
    return { ...known, kind: "timestamp-with-zone", ...planText(column, options) };
  }
  if (isBinary(column.type)) return { ...known, kind: "binary", ...planBytes(column, options) };
  if (options.textOnly) return { ...known, kind: kindOf(column), ...planText(column, options) };
  const kind = kindOf(column);
  switch (kind) {
    case "integer":
      return column.type === sqlType.bigint && column.unsigned
        ? ascii(kind, numberWidthMin)
        : fixed(kind, cell.integer, cType.signedBigint, 8);
    case "decimal":
      return ascii(kind, Math.max(numberWidthMin, Math.min(column.size, 1000) + numberRoom));
    case "float":
      return column.type === sqlType.real
        ? fixed(kind, cell.real, cType.real, 4)
        : fixed(kind, cell.double, cType.double, 8);
    case "boolean":
      return fixed(kind, cell.bit, cType.bit, 1);
    case "timestamp":
      return fixed(kind, cell.timestamp, cType.timestamp, timestampWidth);
    case "timestamp-with-zone":
      return options.losesOffset
        ? fixed("timestamp", cell.timestamp, cType.timestamp, timestampWidth)
        : ascii(kind, timeWidth);
    case "date":
    case "time":
      return ascii(kind, timeWidth);
    default:
      if (column.type !== sqlType.guid) return { ...known, kind, ...planText(column, options) };
      return { ...ascii("text", guidWidth), cell: options.lowerGuids ? cell.lowerGuid : cell.ascii };
  }
}

/** Whether values vary in length, so that one may not fit. */
export function isVariable(column: PlannedColumn): boolean {
  return column.cell === cell.wide || column.cell === cell.ascii || column.cell === cell.utf8 ||
    column.cell === cell.binary || column.cell === cell.lowerGuid;
}

type Plan = Pick<PlannedColumn, "cell" | "cType" | "width" | "terminator" | "long">;

function planText(column: DescribedColumn, options: PlanOptions): Plan {
  const inUtf8 = options.narrow || options.utf8Text;
  const how: Pick<Plan, "cell" | "cType" | "terminator"> = inUtf8
    ? { cell: cell.utf8, cType: cType.char, terminator: 1 }
    : { cell: cell.wide, cType: cType.wideChar, terminator: 2 };
  // A character beyond the BMP is two units in UTF-16 and up to four bytes in UTF-8: four bytes either way.
  return { ...how, ...room({ column, options, bytes: column.size * 4, terminator: how.terminator }) };
}

function planBytes(column: DescribedColumn, options: PlanOptions): Plan {
  const how = { cell: cell.binary, cType: cType.binary, terminator: 0 } as const;
  return { ...how, ...room({ column, options, bytes: column.size, terminator: 0 }) };
}

function room(
  wanted: { column: DescribedColumn; options: PlanOptions; bytes: number; terminator: number },
): { width: number; long: boolean } {
  const { column, options, bytes, terminator } = wanted;
  const unbounded = (column.size <= 0 && !options.sizesHold) || column.size > boundCharactersMax ||
    options.longColumns.has(column.name);
  const optimistic = align(optimisticCharacters * 2 + terminator);
  if (options.refetch) {
    return {
      width: bytes <= 0 ? optimistic : Math.min(optimistic, align(bytes + terminator)),
      long: mayBeLong(column),
    };
  }
  return unbounded ? { width: optimistic, long: true } : { width: align(bytes + terminator), long: false };
}

/** Has no useful length, including lengths that the driver invents (psqlodbc: 8190 for `text`). */
function mayBeLong({ type, size }: DescribedColumn): boolean {
  return size <= 0 || size > optimisticCharacters || type === sqlType.longVarchar || type === sqlType.wideLongVarchar ||
    type === sqlType.longVarbinary;
}

function isBinary(type: number): boolean {
  return type === sqlType.binary || type === sqlType.varbinary || type === sqlType.longVarbinary;
}

function kindOf({ type, typeName }: DescribedColumn): ColumnKind {
  switch (type) {
    case sqlType.bigint:
    case sqlType.integer:
    case sqlType.smallint:
    case sqlType.tinyint:
      return "integer";
    case sqlType.decimal:
    case sqlType.numeric:
      return "decimal";
    case sqlType.double:
    case sqlType.float:
    case sqlType.real:
      return "float";
    case sqlType.bit:
      return "boolean";
    case sqlType.date:
    case sqlType.date2:
      return "date";
    case sqlType.time:
    case sqlType.time2:
    case sqlType.mssqlTime:
      return "time";
    case sqlType.mssqlTimestampOffset:
      return "timestamp-with-zone";
    case sqlType.timestamp:
    case sqlType.timestamp2:
      return /timestamptz|with (local )?time zone|datetimeoffset/i.test(typeName) ? "timestamp-with-zone" : "timestamp";
    default:
      return "text";
  }
}

function align(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
