/** The names of integrations and their types on the pages. */
import type { databaseTypes, dataTypes } from "../../protocol/database.ts";
import type { Integration } from "../services.ts";
import type { View } from "./view.ts";

/** The name; a draft does not have one yet. */
export function integrationTitle(view: View, integration: Pick<Integration, "name" | "draft">): string {
  return integration.draft ? view.messages.unnamedDraft : integration.name;
}

/** The type as users know it. */
export function typeName(view: View, type: Integration["type"]): string {
  return type === "csv" ? view.messages.typeCsv : view.messages.typeDatabase;
}

/** A database type; brands are the same in every language. */
export function databaseTypeName(view: View, type: (typeof databaseTypes)[number]): string {
  switch (type) {
    case "mssql":
      return "Microsoft SQL Server";
    case "mysql":
      return "MySQL / MariaDB";
    case "postgresql":
      return "PostgreSQL";
    case "odbc":
      return view.messages.typeOdbc;
    case "sqlite":
      return view.messages.typeSqlite;
  }
}

/** What kind of rows a query returns. */
export function dataTypeName({ messages }: View, type: (typeof dataTypes)[number]): string {
  switch (type) {
    case "interval":
      return messages.dataInterval;
    case "contact":
      return messages.dataContact;
    case "agent-status":
      return messages.dataAgentStatus;
  }
}
