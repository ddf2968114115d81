/** The form of a sentence for a number, in languages with two plural forms. */

/**
 * Chooses between `one` and `other` by the rules of the language.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * assertEquals(plural("en", 1, { one: "file", other: "files" }), "file");
 * ```
 */
export function plural(
  locale: string,
  count: number,
  forms: { readonly one: string; readonly other: string },
): string {
  return new Intl.PluralRules(locale).select(count) === "one" ? forms.one : forms.other;
}
