/** What is fuzzed, by name. */
import type { TargetEntry } from "./target.ts";

/** All targets. */
export const targets: readonly TargetEntry[] = [
  {
    name: "configuration",
    modules: ["config/"],
    inputsInTest: 1000,
    make: async () => (await import("./targets/configuration.ts")).makeTarget(),
  },
  {
    name: "assignment",
    modules: [
      "protocol/assignment",
      "agent/test_source",
      "source/windows",
      "source/time_zone",
      "odbc/offered_connection",
    ],
    inputsInTest: 400,
    make: async () => (await import("./targets/assignment.ts")).makeTarget(),
  },
  {
    name: "hub-answers",
    modules: ["cloud/"],
    inputsInTest: 500,
    make: async () => (await import("./targets/hub_answers.ts")).makeTarget(),
  },
  {
    name: "csv-files",
    modules: ["source/csv_file", "source/csv_intake", "source/csv_reader", "hub/http/content_disposition"],
    inputsInTest: 150,
    make: async () => (await import("./targets/csv_files.ts")).makeTarget(),
  },
  {
    name: "csv-rows",
    modules: [
      "hub/rows/batch_load",
      "hub/rows/csv_records",
      "hub/rows/row_reader",
      "hub/rows/row_stream",
      "hub/rows/time_reader",
      "database/parse_time",
    ],
    inputsInTest: 200,
    make: async () => (await import("./targets/csv_rows.ts")).makeTarget(),
  },
  {
    name: "spool-files",
    modules: ["spool/batch_file", "spool/recovery", "spool/stored_batch"],
    inputsInTest: 200,
    make: async () => (await import("./targets/spool_files.ts")).makeTarget(),
  },
  {
    name: "connection-string",
    modules: ["odbc/connection_string", "odbc/connection_parts"],
    inputsInTest: 1000,
    make: async () => (await import("./targets/connection_string.ts")).makeTarget(),
  },
  {
    name: "diagnostics",
    modules: ["odbc/diagnostics", "odbc/wide"],
    inputsInTest: 1500,
    make: async () => (await import("./targets/diagnostics.ts")).makeTarget(),
  },
  {
    name: "proxy",
    modules: ["egress/proxy", "egress/connection_errors", "service/proxy_variables"],
    inputsInTest: 1000,
    make: async () => (await import("./targets/proxy.ts")).makeTarget(),
  },
  {
    name: "query",
    modules: [
      "source/query_check",
      "source/query_text",
      "source/sql_tokens",
      "source/sql_quotes",
      "source/sql_comments",
      "source/token_places",
    ],
    inputsInTest: 800,
    make: async () => (await import("./targets/query.ts")).makeTarget(),
  },
  {
    name: "hub-api",
    modules: ["hub/"],
    inputsInTest: 300,
    make: async () => (await import("./targets/hub.ts")).makeTarget("api"),
  },
  {
    name: "hub-oauth",
    modules: ["hub/oauth/", "hub/linking/pins"],
    inputsInTest: 200,
    make: async () => (await import("./targets/hub.ts")).makeTarget("oauth"),
  },
  {
    name: "hub-console",
    modules: ["hub/pages/", "hub/settings/", "hub/access/console_session"],
    inputsInTest: 300,
    make: async () => (await import("./targets/hub.ts")).makeTarget("console"),
  },
];
