/** Values for the `?` of a query (SQLBindParameter), in memory that lasts until the query has been executed. */
import { formatWallClock } from "../database/parse_time.ts";
import type { Parameter } from "../database/row_source.ts";
import { cType, sqlType } from "./constants.ts";
import type { Handle, OdbcLibrary } from "./library.ts";
import { toNarrow, toWide } from "./wide.ts";

const input = 1;

/** Keeps the memory of bound parameters: hold on to it while the statement may read them. */
export type BoundParameters = readonly Uint8Array<ArrayBuffer>[];

/** Binds `parameters` in order. `check` is called with each return code. */
export function bindParameters(
  library: OdbcLibrary,
  options: { statement: Handle; parameters: readonly Parameter[]; narrow: boolean; check: (code: number) => void },
): BoundParameters {
  const memory: Uint8Array<ArrayBuffer>[] = [];
  options.parameters.forEach((parameter, index) => {
    const { bytes, type, size, digits, as } = bound(parameter, options.narrow);
    const length = new Uint8Array(new ArrayBuffer(8));
    new DataView(length.buffer).setBigInt64(0, BigInt(bytes.length), true);
    memory.push(bytes, length);
    options.check(
      library.symbols.SQLBindParameter(
        options.statement,
        index + 1,
        input,
        as,
        type,
        BigInt(size),
        digits,
        bytes,
        BigInt(bytes.length),
        length,
      ),
    );
  });
  return memory;
}

interface Bound {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly as: number;
  readonly type: number;
  readonly size: number;
  readonly digits: number;
}

function bound(parameter: Parameter, narrow: boolean): Bound {
  switch (parameter.type) {
    case "timestamp": {
      // Without a fraction, the old types of SQL Server and Oracle compare without conversion.
      const digits = parameter.wallClockMs % 1000 === 0 ? 0 : 3;
      const bytes = timestampStruct(parameter.wallClockMs);
      return { bytes, as: cType.timestamp, type: sqlType.timestamp, size: digits === 0 ? 19 : 23, digits };
    }
    case "instant":
      return boundText(`${formatWallClock(parameter.epochMs)}+00:00`, narrow);
    case "integer": {
      const bytes = new Uint8Array(new ArrayBuffer(8));
      new DataView(bytes.buffer).setBigInt64(0, parameter.value, true);
      return { bytes, as: cType.signedBigint, type: sqlType.bigint, size: 19, digits: 0 };
    }
    case "text":
      return boundText(parameter.value, narrow);
  }
}

function boundText(text: string, narrow: boolean): Bound {
  const bytes = narrow ? toNarrow(text) : toWide(text);
  const size = Math.max(1, narrow ? bytes.length - 1 : text.length);
  return narrow
    ? { bytes: bytes.subarray(0, -1), as: cType.char, type: sqlType.varchar, size, digits: 0 }
    : { bytes: bytes.subarray(0, -2), as: cType.wideChar, type: sqlType.wideVarchar, size, digits: 0 };
}

/** `SQL_TIMESTAMP_STRUCT` of a wall clock. */
function timestampStruct(wallClockMs: number): Uint8Array<ArrayBuffer> {
  const time = new Date(wallClockMs);
  const bytes = new Uint8Array(new ArrayBuffer(16));
  const view = new DataView(bytes.buffer);
  view.setInt16(0, time.getUTCFullYear(), true);
  view.setUint16(2, time.getUTCMonth() + 1, true);
  view.setUint16(4, time.getUTCDate(), true);
  view.setUint16(6, time.getUTCHours(), true);
  view.setUint16(8, time.getUTCMinutes(), true);
  view.setUint16(10, time.getUTCSeconds(), true);
  view.setUint32(12, time.getUTCMilliseconds() * 1_000_000, true);
  return bytes;
}
