/** What integrations and their types are called on the pages. */
import type { Integration } from "../services.ts";
import type { View } from "./view.ts";

/** The name; a draft has none of its own yet. */
export function integrationTitle(view: View, integration: Pick<Integration, "name" | "draft">): string {
  return integration.draft ? view.messages.unnamedDraft : integration.name;
}

/** The type as users know it. */
export function typeName(view: View, type: Integration["type"]): string {
  return type === "csv" ? view.messages.typeCsv : view.messages.typeDatabase;
}
