/** Makes an input out of another: what is nearly right reaches further into a parser than what is all wrong. */
import type { Random } from "./random.ts";

/** Inputs do not grow beyond this, in characters. */
export const inputLengthMax: number = 64 * 1024;

/** What inputs are made of besides themselves. */
export interface Material {
  /** Another input of the corpus, to be crossed with. */
  readonly other: string;
  /** Words of the format. */
  readonly words: readonly string[];
}

const numbers: readonly string[] = [
  "0",
  "-1",
  "1",
  "255",
  "256",
  "65535",
  "65536",
  "2147483648",
  "4294967296",
  "9007199254740992",
  "1e309",
  "-0",
  "0.1",
  "NaN",
  "99999999999999999999",
];

/** Changes a text in one to four places. */
export function mutateText(text: string, random: Random, material: Material): string {
  let result = text;
  for (let change = random.below(4); change >= 0; change--) result = changeOnce(result, random, material);
  return result.slice(0, inputLengthMax);
}

function changeOnce(text: string, random: Random, { other, words }: Material): string {
  const from = random.below(text.length + 1);
  const to = Math.min(text.length, from + 1 + random.below(random.oneIn(4) ? text.length : 8));
  const put = (middle: string) => text.slice(0, from) + middle + text.slice(to);
  const insert = (middle: string) => text.slice(0, from) + middle + text.slice(from);
  switch (random.below(10)) {
    case 0:
      return put("");
    case 1:
      return put(random.text(6));
    case 2:
      return insert(random.text(6));
    case 3:
      return insert(words.length > 0 ? random.pick(words) : random.text(3));
    case 4:
      return put(words.length > 0 ? random.pick(words) : random.text(3));
    case 5:
      return insert(random.pick(numbers));
    case 6:
      return insert(text.slice(from, to));
    case 7: // Much of the same finds what takes time that grows faster than the input.
      return random.oneIn(50)
        ? insert(text.slice(from, to).repeat(Math.floor(inputLengthMax / 4 / Math.max(1, to - from))))
        : insert(text.slice(from, to).repeat(1 + random.below(20)));
    case 8: {
      const start = random.below(other.length + 1);
      return put(other.slice(start, start + 1 + random.below(other.length)));
    }
    default: {
      const code = text.charCodeAt(from);
      return Number.isNaN(code) ? insert("\0") : text.slice(0, from) +
        String.fromCharCode(code ^ (1 << random.below(random.oneIn(3) ? 16 : 7))) + text.slice(from + 1);
    }
  }
}

/** Any JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Changes a JSON text: mostly its values, now and then its characters. */
export function mutateJson(text: string, random: Random, material: Material): string {
  if (random.oneIn(20)) return mutateText(text, random, material);
  let value: Json;
  let other: Json;
  try {
    value = JSON.parse(text);
    other = JSON.parse(material.other);
  } catch {
    return mutateText(text, random, material);
  }
  for (let change = random.below(3); change >= 0; change--) value = changeValue(value, random, { ...material, other });
  return JSON.stringify(value).slice(0, inputLengthMax);
}

type JsonMaterial = { readonly other: Json; readonly words: readonly string[] };

function changeValue(value: Json, random: Random, material: JsonMaterial): Json {
  const inside = typeof value === "object" && value !== null && !random.oneIn(12);
  if (!inside) return changeLeaf(value, random, material);
  if (Array.isArray(value)) {
    const copy = [...value];
    const at = random.below(copy.length);
    const chance = random.below(60);
    if (copy.length === 0 || chance < 10) copy.splice(at, 0, anyJson(random, material));
    else if (chance < 20) copy.splice(at, 1);
    else if (chance < 22) return copy.concat(...Array.from({ length: 1 + random.below(200) }, () => value));
    else copy[at] = changeValue(copy[at] ?? null, random, material);
    return copy;
  }
  const keys = Object.keys(value);
  const key = random.pick([...keys, "x"]);
  if (random.oneIn(12)) return without(value, key);
  if (random.oneIn(20)) return { ...value, [random.pick([...material.words, "__proto__", "constructor", "x"])]: null };
  return { ...value, [key]: changeValue(value[key] ?? null, random, material) };
}

function without(value: { [key: string]: Json }, key: string): Json {
  const { [key]: _, ...rest } = value;
  return rest;
}

function changeLeaf(value: Json, random: Random, material: JsonMaterial): Json {
  if (typeof value === "string" && !random.oneIn(4)) {
    const other = typeof material.other === "string" ? material.other : random.pick(["", ...material.words]);
    return mutateText(value, random, { other, words: material.words }).slice(0, inputLengthMax);
  }
  if (typeof value === "number" && !random.oneIn(4)) {
    return random.pick([-value, value + 1, value - 1, value * 1e6, value / 3, 0, 2 ** 31, 2 ** 53, -1, 1e300]);
  }
  if (typeof value === "boolean" && !random.oneIn(4)) return !value;
  return anyJson(random, material);
}

/** Something else than what is expected. */
function anyJson(random: Random, { other, words }: JsonMaterial): Json {
  switch (random.below(10)) {
    case 0:
      return null;
    case 1:
      return random.oneIn(2);
    case 2:
      return random.pick([0, -1, 1, 0.5, 1e300, -1e300, 2 ** 31, 2 ** 53 + 2, 65536]);
    case 3:
      return random.text(12);
    case 4:
      return random.pick(["", ...words]);
    case 5:
      return random.pick([[], {}, [[]], [null], { "": null }] as Json[]);
    case 6:
      return "x".repeat(1 << random.below(13));
    case 7:
      return random.pick(["2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"]);
    default:
      return pieceOf(other, random);
  }
}

function pieceOf(value: Json, random: Random): Json {
  if (typeof value !== "object" || value === null || random.oneIn(3)) return value;
  const members = Object.values(value);
  return members.length === 0 ? value : pieceOf(random.pick(members), random);
}
