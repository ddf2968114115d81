/** Which of the console's languages a browser gets: the best match of its `Accept-Language` (RFC 9110, section 12.5.4). */

/** The console's languages; the first is the default. */
export const locales = ["en", "nl", "de"] as const;
/** One of {@linkcode locales}. */
export type Locale = (typeof locales)[number];

/** Longest header that is parsed, in characters. */
const headerLengthMax = 1024;

/**
 * The language of the texts, and the locale of the formats: `format` keeps the region (`de-AT`), which decides on dates
 * and numbers.
 */
export interface Language {
  readonly locale: Locale;
  readonly format: string;
}

/**
 * The language for an `Accept-Language` header.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * assertEquals(negotiateLanguage("fr, nl-BE;q=0.8, en;q=0.5"), { locale: "nl", format: "nl-BE" });
 * assertEquals(negotiateLanguage(undefined), { locale: "en", format: "en" });
 * ```
 */
export function negotiateLanguage(acceptLanguage: string | undefined): Language {
  const ranges = (acceptLanguage ?? "").slice(0, headerLengthMax).split(",")
    .map((part, index) => ({ ...parseRange(part), index }))
    .filter((range) => range.quality > 0)
    .sort((a, b) => b.quality - a.quality || a.index - b.index);
  for (const { tag } of ranges) {
    const locale = locales.find((candidate) => tag.split("-")[0]?.toLowerCase() === candidate);
    if (locale) return { locale, format: canonical(tag) ?? locale };
  }
  return { locale: locales[0], format: locales[0] };
}

function parseRange(part: string): { readonly tag: string; readonly quality: number } {
  const [tag = "", ...parameters] = part.split(";").map((piece) => piece.trim());
  const weight = parameters.find((parameter) => /^q=/i.test(parameter));
  const quality = weight === undefined ? 1 : Number(weight.slice(2));
  return { tag, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

function canonical(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag)[0];
  } catch {
    return undefined;
  }
}
