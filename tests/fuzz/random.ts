/** Chance by a seed: the same seed makes the same inputs on every machine. */
import { seededRandom } from "../../src/runtime/seeded_random.ts";

/** Chance, with what generators ask of it. */
export class Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededRandom(seed);
  }

  /** From 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  /** With a probability of one in `count`. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined && items.length === 0) throw new Error("Cannot pick from nothing");
    return item as Item;
  }

  /** Up to `countMax` of what `make` makes. */
  many<Item>(countMax: number, make: () => Item): Item[] {
    return Array.from({ length: this.below(countMax + 1) }, make);
  }

  /** Characters of any kind, with those that parsers stumble over more often than others. */
  text(lengthMax: number): string {
    return this.many(lengthMax, () => this.#character()).join("");
  }

  #character(): string {
    switch (this.below(8)) {
      case 0:
        return this.pick(strangeCharacters);
      case 1:
        return String.fromCharCode(this.below(0x80));
      case 2:
        return String.fromCodePoint(this.pick([this.below(0x800), 0xd800 + this.below(0x800), this.below(0x110000)]));
      default:
        return this.pick(plainCharacters);
    }
  }
}

const plainCharacters: readonly string[] = [..."abcdefghijklmnopqrstuvwxyzABCXYZ0123456789 -_.,:;/="];
const strangeCharacters: readonly string[] = [
  ..."\0\t\n\r\x1b\x7f\u0085\u00a0\u00df\u0130\u200b\u202e\u2028\ufeff\ufffd\u{1f600}\"'`\\{}[]()<>%&?#@*+!|^~$",
  "\ud800",
  "\udc00",
  "\r\n",
];
