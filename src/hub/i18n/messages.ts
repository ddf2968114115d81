/** The catalogue of the console's texts, by language. */
import { de } from "./de.ts";
import { en, type Messages } from "./en.ts";
import type { Locale } from "./locale.ts";
import { nl } from "./nl.ts";

export type { Messages };

/** The keys of texts without parameters. */
export type TextKey = {
  [Key in keyof Messages]: Messages[Key] extends string ? Key : never;
}[keyof Messages];

/** All texts of all languages. */
export const catalogue: Readonly<Record<Locale, Messages>> = { en, nl, de };
