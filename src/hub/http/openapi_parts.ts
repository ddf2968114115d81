/** Building blocks of the API's description. */
import * as z from "zod";

/** Any object of the description. */
export type Json = Record<string, unknown>;

/** The response of every refusal except OAuth's; `openapi.ts` defines it in its components. */
export const problem: Json = { $ref: "#/components/responses/Problem" };

/**
 * A name for generated clients; unique, since method and path are.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * assertEquals(operationId("get", "/api/v1/integrations/:id/imports"), "getIntegrationsByIdImports");
 * ```
 */
export function operationId(method: string, path: string): string {
  const words = path.replace("/api/v1/", "/").replaceAll(/[:{](\w+)\}?/g, "by-$1").split(/\W|_/);
  return method + words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
}

/** The JSON Schema of what callers send (`input`) or receive (`output`). */
export function jsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override({ jsonSchema }) {
      // Clients must tolerate members that a newer hub has added.
      if (io === "output") delete jsonSchema.additionalProperties;
    },
  });
  return rest;
}
