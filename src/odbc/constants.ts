/** The numbers of ODBC's headers (sql.h, sqlext.h) that this client uses. */

/** The kind of handle, for SQLAllocHandle, SQLFreeHandle and SQLGetDiagRec. */
export const handleType = { environment: 1, connection: 2, statement: 3 } as const;
/** One of {@linkcode handleType}. */
export type HandleType = (typeof handleType)[keyof typeof handleType];

/** What every ODBC function returns (SQLRETURN). */
export const returnCode = {
  success: 0,
  successWithInfo: 1,
  noData: 100,
  error: -1,
} as const;

/** Length argument that means "up to the null terminator". */
export const nullTerminated = -3;

/** Values of an indicator that are not a length. */
export const indicator = { nullData: -1, noTotal: -4 } as const;

/** SQL types as a driver describes columns. */
export const sqlType = {
  char: 1,
  numeric: 2,
  decimal: 3,
  integer: 4,
  smallint: 5,
  float: 6,
  real: 7,
  double: 8,
  date2: 9,
  time2: 10,
  timestamp2: 11,
  varchar: 12,
  date: 91,
  time: 92,
  timestamp: 93,
  longVarchar: -1,
  binary: -2,
  varbinary: -3,
  longVarbinary: -4,
  bigint: -5,
  tinyint: -6,
  bit: -7,
  wideChar: -8,
  wideVarchar: -9,
  wideLongVarchar: -10,
  guid: -11,
  /** SQL Server's `time(n)`, `datetimeoffset(n)`. */
  mssqlTime: -154,
  mssqlTimestampOffset: -155,
} as const;

/** C types that values are fetched as. */
export const cType = {
  char: 1,
  real: 7,
  double: 8,
  timestamp: 93,
  binary: -2,
  bit: -7,
  wideChar: -8,
  signedBigint: -25,
} as const;

/** SQLSetEnvAttr. */
export const environmentAttribute = { odbcVersion: 200 } as const;
/** SQL_OV_ODBC3: the version whose rules this client follows, which has to be declared before anything else. */
export const odbcVersion3 = 3;

/** SQLSetConnectAttr; timeouts are in seconds. */
export const connectionAttribute = {
  accessMode: 101,
  autocommit: 102,
  loginTimeout: 103,
} as const;

/** SQLSetStmtAttr; the pointers are written through by each SQLFetch. */
export const statementAttribute = {
  cursorType: 6,
  concurrency: 7,
  rowStatusPtr: 25,
  rowsFetchedPtr: 26,
  rowArraySize: 27,
} as const;

/** SQLGetInfo. */
export const infoType = {
  driverName: 6,
  driverVersion: 7,
  databaseProduct: 17,
  databaseVersion: 18,
  identifierQuote: 29,
  getDataExtensions: 81,
} as const;

/** Bits of SQL_GETDATA_EXTENSIONS. */
export const getDataExtension = { anyColumn: 1, anyOrder: 2, block: 4, bound: 8 } as const;

/** SQLColAttribute: what SQLDescribeCol does not report. */
export const descriptorField = { unsigned: 8, typeName: 14 } as const;

/** Entries of the array behind SQL_ATTR_ROW_STATUS_PTR, one for each row of a block. */
export const rowStatus = { success: 0, error: 5, successWithInfo: 6, noRow: 3 } as const;

/** Bytes of a SQLLEN / SQLULEN on every 64-bit platform. */
export const lengthBytes = 8;
