/** Names on the command line follow the same rules as in the API and the console. */
import { Name } from "../hub/api_schemas.ts";
import { plainIssues } from "../hub/http/plain_issues.ts";

/**
 * The name as the hub stores it: without surrounding spaces. Throws for an invalid one; `act` is what then cannot be
 * done.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(givenName(" bob smith ", { act: "add the user" }), "bob smith");
 * ```
 */
export function givenName(name: string, { act }: { act: string }): string {
  const { data, error } = Name.safeParse(name);
  if (data !== undefined) return data;
  const [problem] = plainIssues(error?.issues ?? [], name.trim());
  throw new Error(`Cannot ${act}: the name ${problem?.detail}`);
}
