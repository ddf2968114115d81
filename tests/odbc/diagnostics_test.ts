import { likelyCause, mask, OdbcError } from "../../src/odbc/diagnostics.ts";
import { assert, assertEquals } from "../assert.ts";

Deno.test("the likely cause comes from the text where it is plain, else from the SQLSTATE", () => {
  const cases = [
    ["IM002", "Data source name not found and no default driver specified", "driver-missing"],
    ["01000", "Can't open lib 'libmsodbcsql-18.so' : file not found", "driver-missing"],
    ["28000", "Login failed for user 'x'", "login"],
    ["28000", "Anmeldung gescheitert", "login"],
    ["08001", "Verbindung gescheitert", "unreachable"],
    ["08S01", "Communication link failure", "connection-lost"],
    ["HYT00", "Login timeout expired", "unreachable"],
    ["HYT00", "Query timeout expired", "timeout"],
    ["HYT01", "", "timeout"],
    ["HY000", "Query execution was interrupted, maximum statement execution time exceeded", "timeout"],
    ["70100", "Query execution was interrupted (max_statement_time exceeded)", "timeout"],
    ["40001", "ERROR: canceling statement due to conflict with recovery", "timeout"],
    ["42000", "Incorrect syntax near 'x'", "syntax"],
    ["42S02", "Invalid object name 'x'", "missing-table"],
    ["42S22", "Invalid column name 'x'", "missing-column"],
    ["42501", "", "permission"],
    ["HY008", "Operation canceled", "cancelled"],
    ["22012", "division by zero", "other"],
    ["08001", 'FATAL: no pg_hba.conf entry for host "10.0.0.1", user "u", database "d", no encryption', "not-admitted"],
    [
      "08001",
      'authentication method requirement "!gss,!sspi" failed: server requested SSPI authentication',
      "own-identity",
    ],
    ["HY000", "Host '10.0.0.1' is not allowed to connect to this MariaDB server", "not-admitted"],
    [
      "08001",
      "SSL Provider: [error:0A000086:SSL routines::certificate verify failed:self-signed certificate]",
      "encryption",
    ],
    [
      "08001",
      "Client unable to establish connection. For solutions related to encryption errors, see https://go.microsoft.com/fwlink/?linkid=2226722",
      "encryption",
    ],
    ["42P01", 'relation "certificate" does not exist', "missing-table"],
    ["42703", 'column "encrypted" does not exist', "missing-column"],
    ["08001", "server does not support SSL, but SSL was required", "encryption"],
    [
      "HY000",
      "Connections using insecure transport are prohibited while --require_secure_transport=ON.",
      "encryption",
    ],
  ] as const;
  for (const [sqlState, message, kind] of cases) {
    assertEquals(likelyCause([{ sqlState, message, nativeError: 0 }]).kind, kind, `${sqlState} ${message}`);
  }
});

Deno.test("time that runs out before there is a connection means that the server does not answer", () => {
  const cases = [
    ["08001", 'connection to server at "10.0.0.9", port 5432 failed: timeout expired.'],
    ["HYT00", "Timeout expired."],
    ["HYT01", "Connection timeout expired."],
  ] as const;
  for (const [sqlState, message] of cases) {
    const error = new OdbcError("connect to the database", [{ sqlState, message, nativeError: 0 }], {
      connecting: true,
    });
    assertEquals(error.kind, "unreachable", message);
    assert(!error.message.includes("index"), error.message);
  }
});

Deno.test("every record is shown, SQLSTATE first", () => {
  const error = new OdbcError("run the query", [
    { sqlState: "42S22", nativeError: 207, message: "Invalid column name 'x'." },
    { sqlState: "42000", nativeError: 8180, message: "Statement(s) could not be prepared." },
  ]);
  assertEquals(
    error.message.startsWith("Cannot run the query: [42S22] Invalid column name 'x'. [42000] Statement(s)"),
    true,
  );
  assertEquals([error.kind, error.sqlState], ["missing-column", "42S22"]);
});

Deno.test("secrets are masked wherever they stand", () => {
  assertEquals(mask("PWD=geheim; geheim!", ["geheim"]), "PWD=***; ***!");
});
