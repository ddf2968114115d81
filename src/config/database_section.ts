/** The section `[database]`: its keys depend on each other, so they are checked together. */
import type { Config, KeptConnection, PasswordPlace } from "./config.ts";
import type { Values } from "./schema.ts";

type Section = Values["database"];

/** What does not fit together, by key. */
export function databaseProblems(section: Section): { key: string; message: string }[] {
  const { connectionString, host, database, file, passwordFile, passwordCredential } = section;
  const problems: { key: string; message: string }[] = [];
  const ways = [
    ["connectionString", connectionString],
    ["host", host],
    ["file", file],
  ].flatMap(([key, value]) => key !== undefined && value !== undefined ? [key] : []);
  const [first, second] = ways;
  if (second !== undefined) {
    problems.push({ key: second, message: `says the same as "${first}": keep only one of them` });
  }
  problems.push(...typeProblems(section));
  if (host !== undefined && database === undefined && second === undefined) {
    problems.push({ key: "host", message: 'needs the key "database" too' });
  }
  for (const key of ["port", "database", "user"] as const) {
    if (section[key] !== undefined && host === undefined) problems.push({ key, message: 'needs the key "host" too' });
  }
  if (section.trustServerCertificate && (host === undefined || section.type !== "mssql")) {
    problems.push({ key: "trustServerCertificate", message: 'needs "host" and type = "mssql" too' });
  }
  for (const key of ["passwordFile", "passwordCredential"] as const) {
    if (section[key] !== undefined && host === undefined && connectionString === undefined) {
      problems.push({ key, message: 'needs the key "host" or "connectionString" too' });
    }
  }
  if (passwordFile !== undefined && passwordCredential !== undefined) {
    problems.push({ key: "passwordCredential", message: 'says the same as "passwordFile": keep only one of them' });
  }
  return problems;
}

/** Additional requirements of a type. */
function typeProblems({ type, connectionString, host, file }: Section): { key: string; message: string }[] {
  const needs = type === undefined
    ? undefined
    : type === "sqlite"
    ? file === undefined ? 'needs the key "file" too, the SQLite file' : undefined
    : type === "odbc"
    ? connectionString === undefined ? 'needs the key "connectionString" too' : undefined
    : (host ?? connectionString) === undefined
    ? 'needs the key "host" or "connectionString" too'
    : undefined;
  if (needs === undefined) return [];
  return [{ key: "type", message: needs }];
}

/** The section as the rest of the program sees it. */
export function databaseConfig(section: Section): Config["database"] {
  const kept = keptConnection(section);
  const password = passwordPlace(section);
  return {
    ...(kept === undefined ? {} : { kept }),
    ...(password === undefined ? {} : { password }),
    ...(section.type === undefined ? {} : { type: section.type }),
    allowQueryChanges: section.allowQueryChanges,
  };
}

function keptConnection(section: Section): KeptConnection | undefined {
  const { connectionString, file, host, port, database, user, trustServerCertificate } = section;
  if (connectionString !== undefined) return { by: "connectionString", connectionString };
  if (file !== undefined) return { by: "file", file };
  if (host === undefined || database === undefined) return undefined;
  return {
    by: "parts",
    host,
    database,
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(trustServerCertificate ? { trustServerCertificate } : {}),
  };
}

function passwordPlace({ passwordFile, passwordCredential }: Section): PasswordPlace | undefined {
  if (passwordFile !== undefined) return { in: "file", path: passwordFile };
  return passwordCredential === undefined ? undefined : { in: "credential", name: passwordCredential };
}
