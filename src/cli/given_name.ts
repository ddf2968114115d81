/** Names on the command line obey the rule of the API and the console. */
import { Name } from "../hub/api_schemas.ts";
import { plainIssues } from "../hub/http/plain_issues.ts";

/**
 * The name as the hub keeps it: without the spaces around it. Throws for one that will not do; `act` is what cannot be
 * done then.
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
