/**
 * The driver manager's functions through FFI. Handles are plain numbers (`u64`) and all other C pointers are a
 * `buffer`, so that an `ffi` permission for this one library is enough: no pointer objects, no callbacks.
 *
 * Memory that the driver keeps an address of (bound columns, the counter of fetched rows) must be a part of an
 * `ArrayBuffer` that a live object holds: Deno keeps only the arguments of the running call, and V8 moves small typed
 * arrays that were made without an `ArrayBuffer`.
 */

/**
 * Name of the driver manager's library on this system, which the dynamic linker finds if `ffi` is granted without a
 * path; with one, Deno resolves a bare name in the working directory.
 */
export function driverManagerLibrary(os: typeof Deno.build.os = Deno.build.os): string {
  return os === "windows" ? "odbc32.dll" : os === "darwin" ? "libodbc.2.dylib" : "libodbc.so.2";
}

/** A handle of the environment, a connection or a statement. */
export type Handle = bigint;

const diagnosticParameters = ["i16", "u64", "i16", "buffer", "buffer", "buffer", "i16", "buffer"] as const;
const listParameters = ["u64", "u16", "buffer", "i16", "buffer", "buffer", "i16", "buffer"] as const;

const symbols = {
  SQLAllocHandle: { parameters: ["i16", "u64", "buffer"], result: "i16" },
  SQLFreeHandle: { parameters: ["i16", "u64"], result: "i16" },
  SQLSetEnvAttr: { parameters: ["u64", "i32", "u64", "i32"], result: "i16" },
  SQLDriversW: { parameters: listParameters, result: "i16" },
  SQLDataSourcesW: { parameters: listParameters, result: "i16" },
  SQLGetDiagRecW: { parameters: diagnosticParameters, result: "i16" },
  SQLSetConnectAttrW: { parameters: ["u64", "i32", "u64", "i32"], result: "i16" },
  SQLDriverConnectW: {
    parameters: ["u64", "u64", "buffer", "i16", "buffer", "i16", "buffer", "u16"],
    result: "i16",
    nonblocking: true,
  },
  /** The narrow entry points, in UTF-8, for drivers without wide ones. */
  SQLDriverConnect: {
    parameters: ["u64", "u64", "buffer", "i16", "buffer", "i16", "buffer", "u16"],
    result: "i16",
    nonblocking: true,
  },
  SQLExecDirect: { parameters: ["u64", "buffer", "i32"], result: "i16", nonblocking: true },
  SQLDescribeCol: {
    parameters: ["u64", "u16", "buffer", "i16", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i16",
  },
  SQLDisconnect: { parameters: ["u64"], result: "i16", nonblocking: true },
  SQLEndTran: { parameters: ["i16", "u64", "i16"], result: "i16", nonblocking: true },
  SQLNativeSqlW: { parameters: ["u64", "buffer", "i32", "buffer", "i32", "buffer"], result: "i16" },
  SQLGetInfoW: { parameters: ["u64", "u16", "buffer", "i16", "buffer"], result: "i16" },
  SQLSetStmtAttrW: { parameters: ["u64", "i32", "u64", "i32"], result: "i16" },
  /** The same function for attributes whose value is an address. */
  SQLSetStmtAttrAddress: { name: "SQLSetStmtAttrW", parameters: ["u64", "i32", "buffer", "i32"], result: "i16" },
  SQLBindParameter: {
    parameters: ["u64", "u16", "i16", "i16", "i16", "u64", "i16", "buffer", "i64", "buffer"],
    result: "i16",
  },
  SQLExecDirectW: { parameters: ["u64", "buffer", "i32"], result: "i16", nonblocking: true },
  SQLNumResultCols: { parameters: ["u64", "buffer"], result: "i16" },
  SQLDescribeColW: {
    parameters: ["u64", "u16", "buffer", "i16", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i16",
  },
  SQLColAttributeW: { parameters: ["u64", "u16", "u16", "buffer", "i16", "buffer", "buffer"], result: "i16" },
  SQLBindCol: { parameters: ["u64", "u16", "i16", "buffer", "i64", "buffer"], result: "i16" },
  SQLFetch: { parameters: ["u64"], result: "i16", nonblocking: true },
  /** The same function on the calling thread, for rows that are already available: a call costs a tenth. */
  SQLFetchHere: { name: "SQLFetch", parameters: ["u64"], result: "i16" },
  SQLSetPos: { parameters: ["u64", "u64", "u16", "u16"], result: "i16" },
  SQLGetData: { parameters: ["u64", "u16", "i16", "buffer", "i64", "buffer"], result: "i16" },
  SQLCancel: { parameters: ["u64"], result: "i16", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** The opened driver manager. */
export interface OdbcLibrary extends Disposable {
  readonly symbols: Deno.DynamicLibrary<typeof symbols>["symbols"];
}

/**
 * Opens the driver manager, by its full path if `ffi` is granted for that alone.
 *
 * @throws an `Error` with the command that installs it, if it is missing.
 */
export function openOdbcLibrary(path: string = driverManagerLibrary()): OdbcLibrary {
  try {
    const library = Deno.dlopen(path, symbols);
    return { symbols: library.symbols, [Symbol.dispose]: () => library.close() };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new Error(`Cannot open the ODBC driver manager "${path}": ${installationHint(Deno.build.os)}`, {
      cause: error,
    });
  }
}

function installationHint(os: typeof Deno.build.os): string {
  if (os === "windows") return "it is a part of Windows; repair the system's files (sfc /scannow).";
  return "install unixODBC: `sudo apt-get install unixodbc` (Debian, Ubuntu), `sudo dnf install unixODBC` " +
    "(Red Hat, Fedora), `sudo zypper install unixODBC` (SUSE), then the driver of your database.";
}
