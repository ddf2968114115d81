/** The addresses of the console's pages: the one place that knows them. */

const list = "/account/integrations";

/** Every address. */
export const paths = {
  home: "/",
  logIn: "/login",
  logOut: "/logout",
  /** As given in the message with the PIN. */
  integrations: list,
  newIntegration: `${list}/new`,
  integration: (id: string): string => `${list}/${encodeURIComponent(id)}`,
  /** The address that a form on an integration's page is sent to. */
  action: (id: string, action: IntegrationAction): string => `${list}/${encodeURIComponent(id)}/${action}`,
  /** Tells the script that something changed; part of the API. */
  events: (id: string): string => `/api/v1/integrations/${encodeURIComponent(id)}/events`,
  /** Rows that were loaded; part of the API. */
  rows: (id: string, format: "spreadsheet" | "json"): string =>
    `/api/v1/integrations/${encodeURIComponent(id)}/rows?format=${format}`,
  /** What was imported, byte for byte; part of the API. */
  content: (importId: string): string => `/api/v1/imports/${encodeURIComponent(importId)}/content`,
} as const;

/** What can be done to an integration. */
export type IntegrationAction =
  | "connect"
  | "look"
  | "save"
  | "rename"
  | "settings"
  | "test"
  | "pause"
  | "resume"
  | "delete";

/** The integration's page that contains the path, else the list. */
export function pageOf(path: string): string {
  const id = path.startsWith(`${list}/`) ? path.slice(list.length + 1).split("/")[0] : undefined;
  return id === undefined ? list : `${list}/${id}`;
}
