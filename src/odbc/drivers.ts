/** What is registered with the driver manager: drivers and data sources. */
import { environmentAttribute, handleType, odbcVersion3, returnCode } from "./constants.ts";
import type { Handle, OdbcLibrary } from "./library.ts";
import { WideBuffer } from "./wide.ts";

/** Names as used in connection strings, in the driver manager's order. */
export interface Registered {
  readonly drivers: readonly string[];
  readonly dataSources: readonly DataSource[];
  /** The library of each driver, if the driver manager reports it; by the driver's name in upper case. */
  readonly libraries: ReadonlyMap<string, string>;
}

/** An entry of odbc.ini, or of Windows' ODBC administration. */
export interface DataSource {
  readonly name: string;
  readonly driver: string;
}

const direction = { first: 2, next: 1 } as const;
const entriesMax = 1000;

/** Lists drivers (SQLDrivers) and data sources (SQLDataSources). */
export function listRegistered(library: OdbcLibrary): Registered {
  const environment = allocateEnvironment(library);
  try {
    const { SQLDriversW, SQLDataSourcesW } = library.symbols;
    const drivers = list(SQLDriversW, environment);
    return {
      drivers: drivers.map(([name]) => name),
      dataSources: list(SQLDataSourcesW, environment).map(([name, [driver = ""]]) => ({ name, driver })),
      libraries: new Map(drivers.map(([name, attributes]) => [name.toUpperCase(), libraryAmong(attributes)])),
    };
  } finally {
    library.symbols.SQLFreeHandle(handleType.environment, environment);
  }
}

/** An environment handle for ODBC 3. */
export function allocateEnvironment(library: OdbcLibrary): Handle {
  const handle = new BigUint64Array(new ArrayBuffer(8));
  const code = library.symbols.SQLAllocHandle(handleType.environment, 0n, handle);
  if (code !== returnCode.success && code !== returnCode.successWithInfo) {
    throw new Error(`Cannot start the ODBC driver manager: it returned ${code}.`);
  }
  const environment = handle[0] ?? 0n;
  library.symbols.SQLSetEnvAttr(environment, environmentAttribute.odbcVersion, BigInt(odbcVersion3), 0);
  return environment;
}

type List = OdbcLibrary["symbols"]["SQLDriversW"];

/** The value of `Driver=…` in a driver's attributes (SQLDrivers). */
function libraryAmong(attributes: readonly string[]): string {
  return attributes.find((one) => /^driver=/i.test(one))?.slice("driver=".length) ?? "";
}

/** Names, each with the strings the driver manager reports for it. */
function list(next: List, environment: Handle): [string, readonly string[]][] {
  const entries: [string, readonly string[]][] = [];
  for (let i = 0; i < entriesMax; i++) {
    const name = new WideBuffer(512);
    const detail = new WideBuffer(2048);
    const code = next(
      environment,
      i === 0 ? direction.first : direction.next,
      name.bytes,
      name.units,
      name.length,
      detail.bytes,
      detail.units,
      detail.length,
    );
    if (code !== returnCode.success && code !== returnCode.successWithInfo) break;
    entries.push([name.text, detail.texts]);
  }
  return entries;
}
