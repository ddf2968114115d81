/** Connections that the hub offers: what each driver could be made to do besides reaching a database. */
import { openDatabase } from "../../src/extractor/open_database.ts";
import { attributesFromParts } from "../../src/odbc/connection_parts.ts";
import { parseConnectionString } from "../../src/odbc/connection_string.ts";
import { openHandles } from "../../src/odbc/handles.ts";
import { openOdbcLibrary } from "../../src/odbc/library.ts";
import { listRegistered } from "../../src/odbc/drivers.ts";
import { assertOffered } from "../../src/odbc/offered_connection.ts";
import type { DatabaseConnection, databaseTypes } from "../../src/protocol/database.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { type HostileMysql, startHostileMysql } from "../databases/hostile_mysql.ts";
import { csvOf, withDatabase } from "./open.ts";

const registered = {
  drivers: ["PostgreSQL Unicode", "IBM i Access ODBC Driver", "Mine", "Local name"],
  dataSources: [{ name: "acd", driver: "PostgreSQL Unicode" }, { name: "calls", driver: "SQLite3" }],
  libraries: new Map([["MINE", "/usr/lib/libsqlite3odbc.so"], ["LOCAL NAME", "/usr/lib/libtdsodbc.so"]]),
};
const check = (text: string) => assertOffered(parseConnectionString(text), registered);

Deno.test("the hub may offer what reaches a database", () => {
  for (
    const text of [
      "DSN=acd;DELIMIDENT=y;",
      "DSN=ACD;UID=u;PWD={/any;thing};DATABASE=calls",
      "DRIVER={PostgreSQL Unicode};SERVER=db.example;PORT=5432;DATABASE=calls;UID=u;PWD={a;b}}};SSLmode=require",
      "DRIVER={ODBC Driver 18 for SQL Server};SERVER=tcp:db\\inst_1,1433;UID=u;PWD=p;TrustServerCertificate=yes",
      "DRIVER={IBM i Access ODBC Driver};SERVER=[fe80::1%eth0];UID=u;PWD=p",
      "DRIVER={Informix};HOST=datenbänk;SERVICE=9088;SERVER=ol_acd;PROTOCOL=onsoctcp;DATABASE=acd",
    ]
  ) check(text);
});

Deno.test("the hub may offer no key that reads, writes or starts anything, and no address beside a data source", async () => {
  for (
    const pair of [
      ...["DumpFile=x", "DumpFileAppend=1", "DebugFlags=1", "Trace=Yes", "TraceFile=x", "LogDir=x", "CommLog=1"],
      ...["Debug=1", "pqopt={sslkey=x}", "ConnSettings=x", "XaOpt=1", "INITSTMT=x", "PLUGIN_DIR=x", "USE_MYCNF=1"],
      ...["SSLKEY=x", "SSLCERT=x", "SSLCA=x", "RSAKEY=x", "SOCKET=x", "NAMEDPIPE=x", "ENABLE_LOCAL_INFILE=1"],
      ...["LOAD_DATA_LOCAL_DIR=x", "OPTION=65536", "QueryLogFile=x", "StatsLogFile=x", "AttachDbFileName=x"],
      ...["ClientCertificate=x", "ServerCertificate=x", "KeyStoreLocation=x", "Authentication=x", "Network=DBNMPNTW"],
      ...["START=x", "DBF=x", "DBQ=x", "DBNAME=x", "FILEDSN=x", "SAVEFILE=x", "LoadExt=x", "Anything=1"],
    ]
  ) {
    const [key = ""] = pair.split("=");
    await assertRejects(() => check(`DRIVER={PostgreSQL Unicode};SERVER=h;${pair}`), new RegExp(`Cannot use "${key}"`));
    await assertRejects(() => check(`DSN=acd;${pair}`), new RegExp(`Cannot use "${key}"`));
  }
  for (const pair of ["SERVER=h", "servername=h", "HOST=h", "Port=1", "ADDRESS=h", "FAILOVER_PARTNER=h"]) {
    await assertRejects(() => check(`DSN=acd;${pair}`), /a DSN itself says which server to reach/);
  }
  await assertRejects(() => check("DRIVER={PostgreSQL Unicode};DSN=acd"), /only one of them/);
});

Deno.test("the hub may have no host logged on to with the identity of the service", async () => {
  const server = "SERVER=evil.example,4444;DATABASE=x";
  for (
    const text of [
      `DRIVER={ODBC Driver 18 for SQL Server};${server};Trusted_Connection=yes;TrustServerCertificate=yes`,
      `DRIVER={ODBC Driver 18 for SQL Server};${server};UID=u;PWD=p;Trusted_Connection=Yes`,
      `DRIVER={ODBC Driver 18 for SQL Server};${server};UID=u;ServerSPN=HTTP:x`,
      `DRIVER={ODBC Driver 18 for SQL Server};${server};UID=u;FailoverPartnerSPN=HTTP:x`,
      `DRIVER={FreeTDS};SERVER=evil.example;UID=u;REALM=EXAMPLE.COM`,
      // FreeTDS uses Kerberos, on Windows SSPI, for who is not named.
      "DRIVER={FreeTDS};SERVER=evil.example;DATABASE=x",
      "DRIVER={FreeTDS};SERVER=evil.example;UID= ;PWD=p",
      "DRIVER={Local name};SERVER=evil.example",
      `DRIVER={SQL Server};${server}`,
    ]
  ) {
    await assertRejects(
      () => check(text),
      /^Cannot use .* identity of this service.* Enter a user and a password in the integration, or .*DSN.*\[database\]/,
    );
  }
  const { host, database } = { host: "evil.example", database: "x" };
  await assertRejects(
    () =>
      assertOffered(attributesFromParts("mssql", { parts: { host, database }, installed: ["FreeTDS"] }), registered),
    /Enter a user and a password in the integration/,
  );
  check("DSN=acd;Trusted_Connection=yes;ServerSPN=MSSQLSvc/db.example");
  check("DRIVER={FreeTDS};SERVER=db.example;Username=u;PWD=p");
});

Deno.test("the hub may offer no value that names a file, a pipe or further keys", async () => {
  const driver = "DRIVER={PostgreSQL Unicode}";
  for (
    const value of [
      "/run/x",
      "~/x",
      "\\\\evil\\pipe\\sql",
      "np:\\\\evil\\x",
      "C:\\x",
      "c:/x",
      "..\\x",
      "file:x",
      "http://x",
    ]
  ) {
    await assertRejects(
      () => check(`${driver};DATABASE=${value}`.replace("np:", "")),
      /Cannot use "DATABASE".*names a file/,
    );
    await assertRejects(() => check(`${driver};SERVER=${value}`), /Cannot use "SERVER"/);
  }
  for (const host of ["(localdb)\\x", "a b", "h;PORT=1", "h@x", "lpc:h", "h\\i\\j"]) {
    await assertRejects(() => check(`${driver};SERVER={${host}}`), /not a host name/);
  }
  for (const key of ["UID", "PWD", "DATABASE"]) {
    for (const value of ["a};DumpFile=x", "a}b; x", "};"]) {
      const attributes = [{ key: "DRIVER", value: "PostgreSQL Unicode" }, { key, value }];
      await assertRejects(
        () => assertOffered(attributes, registered),
        new RegExp(`Cannot use "${key}".*"}" and then ";"`),
      );
    }
    await assertRejects(() => check(`${driver};${key}={a\nb}`), /control character/);
  }
});

Deno.test("the hub may offer no driver whose SQL reaches files, whatever it is called", async () => {
  for (
    const text of [
      "DRIVER={SQLite3};Database=x",
      "DRIVER={Mine};Database=x",
      "DSN=Calls",
      "DRIVER={DuckDB Driver}",
      "DRIVER={Microsoft Access Text Driver (*.txt, *.csv)}",
      "DRIVER={Microsoft Access Driver (*.mdb, *.accdb)}",
      "DRIVER={Microsoft Excel Driver (*.xls)}",
    ]
  ) await assertRejects(() => check(text), /its SQL can reach files on this computer/);
});

Deno.test("the driver manager tells a driver's library", () => {
  using library = openOdbcLibrary();
  assertMatch(listRegistered(library).libraries.get("SQLITE3") ?? "", /sqlite/);
});

interface Attempt {
  readonly databaseType: typeof databaseTypes[number];
  readonly connection: DatabaseConnection;
}

/** As the extractor opens what an assignment names. */
async function open({ databaseType, connection }: Attempt, options: { kept?: boolean } = {}): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await using _database = await openDatabase({
      databaseType,
      connection,
      timeZone: "UTC",
      sqliteFolders: options.kept ? null : [folder],
      folder,
    }, AbortSignal.timeout(60_000));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Counts who connects, and hangs up. */
function listen(): { port: number; calls: () => number } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let calls = 0;
  const serving = (async () => {
    for await (const connection of listener) {
      calls++;
      connection.close();
    }
  })();
  return {
    port: listener.addr.port,
    calls: () => calls,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

Deno.test("FreeTDS takes what follows a brace for further keys, and a dump file: neither comes from the hub", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using meant = listen();
    await using other = listen();
    const dump = `${folder}/dump`;
    const at = `DRIVER={FreeTDS};SERVER=127.0.0.1;PORT=${meant.port};DATABASE=x`;
    // That it is a danger: given to the driver as it is, the user's name redirects, and the key writes a file.
    using library = openOdbcLibrary();
    const handles = { secrets: [], loginTimeoutSeconds: 5, narrow: false };
    await assertRejects(() =>
      openHandles(library, { ...handles, connectionString: `${at};UID={u}};PORT=${other.port};x={y};PWD=p;` })
    );
    assert(other.calls() > 0, "the driver no longer splits values: the rule may be relaxed");
    await assertRejects(() =>
      openHandles(library, { ...handles, connectionString: `${at};UID=u;PWD=p;DumpFile=${dump};` })
    );
    assert((await Deno.stat(dump)).size > 0, "the driver no longer writes dumps: the rule may be relaxed");
    await Deno.remove(dump);

    const before = other.calls();
    for (const key of ["UID", "PWD", "DATABASE"]) {
      const connectionString =
        `DRIVER={FreeTDS};SERVER=127.0.0.1;PORT=${meant.port};${key}={u}};PORT=${other.port};x={y}`;
      await assertRejects(
        () => open({ databaseType: "odbc", connection: { by: "connectionString", connectionString } }),
        /./,
      );
    }
    const parts = { by: "parts", host: "127.0.0.1", port: meant.port, database: "x" } as const;
    const injected = `u};PORT=${other.port};DumpFile=${dump};x={y`;
    for (const bad of [{ user: injected }, { password: injected }, { database: injected }, { host: injected }]) {
      for (const databaseType of ["mssql", "mysql", "postgresql"] as const) {
        await assertRejects(() => open({ databaseType, connection: { ...parts, ...bad } }), /Cannot use "/);
      }
    }
    const connectionString = `${at};UID=u;PWD=p;DumpFile=${dump}`;
    await assertRejects(
      () => open({ databaseType: "odbc", connection: { by: "connectionString", connectionString } }),
      /Cannot use "DumpFile"/,
    );
    assertEquals(other.calls(), before, "a connection went elsewhere");
    await assertRejects(() => Deno.stat(dump));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("SQLite's driver reads and writes files and loads code by SQL: no query may, not even on this computer's own connection", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/secret`, "geheim");
    await Deno.writeFile(`${folder}/empty.db`, new Uint8Array());
    const attributes = [{ key: "DRIVER", value: "SQLite3" }, { key: "DATABASE", value: `${folder}/empty.db` }];
    await withDatabase(attributes, async (database) => {
      for (
        const sql of [
          `select blob_import('${folder}/secret') as a`,
          `select "Blob_Import"('${folder}/secret') as a`,
          `select blob_export('x', '${folder}/written') as a`,
          `select load_extension('${folder}/evil') as a`,
        ]
      ) await assertRejects(() => csvOf(database, sql), /can reach files or code on this computer/);
      assertEquals((await csvOf(database, "select 1 as a")).lines, ["a", "1"]);
    });
    await assertRejects(() => Deno.stat(`${folder}/written`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the file type has no function that leaves its database", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/secret`, "geheim");
    await Deno.writeFile(`${folder}/empty.db`, new Uint8Array());
    await using database = await openDatabase({
      databaseType: "sqlite",
      connection: { by: "file", file: "empty.db" },
      timeZone: "UTC",
      sqliteFolders: [folder],
      folder,
    }, AbortSignal.timeout(60_000));
    for (
      const sql of [
        `select load_extension('${folder}/evil') as a`,
        `select readfile('${folder}/secret') as a`,
        `select blob_import('${folder}/secret') as a`,
        `select writefile('${folder}/written', 'x') as a`,
        `attach '${folder}/other.db' as b`,
        `vacuum into '${folder}/written'`,
        "pragma query_only = off",
      ]
    ) {
      const error = await assertRejects(() => csvOf(database, sql));
      assert(error instanceof Error && !error.message.includes("geheim"), sql);
    }
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
    assertEquals(names, ["empty.db", "secret"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a hostile MySQL server asks for a file of this computer, and gets none", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/secret`, "geheim");
    await using server: HostileMysql = startHostileMysql({ file: `${folder}/secret` });
    await assertRejects(() =>
      open({
        databaseType: "mysql",
        connection: { by: "parts", host: "127.0.0.1", port: server.port, database: "x", user: "u", password: "p" },
      })
    );
    assert(server.asked > 0, "it never came to a statement");
    assertEquals(server.received, "");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
