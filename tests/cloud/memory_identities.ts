import type { Identity, IdentityStore } from "../../src/cloud/identity.ts";

/** An identity that ends with the test. */
export function memoryIdentities(): IdentityStore & { saved: Identity[] } {
  const saved: Identity[] = [];
  return { saved, load: () => saved.at(-1), save: (identity) => void saved.push(identity) };
}
