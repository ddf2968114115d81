import { Patience } from "../../src/cloud/patience.ts";
import { assertEquals } from "../assert.ts";

Deno.test("patience grows where answers come late, and shrinks where they do not", () => {
  const patience = new Patience();
  const seconds = (change: () => void) => {
    change();
    return patience.graceMs / 1000;
  };
  const late = () => patience.ranOut();
  const answered = () => patience.sufficed();
  assertEquals([late, late, late, late].map(seconds), [30, 60, 120, 120]);
  assertEquals([answered, answered, answered, answered].map(seconds), [60, 30, 15, 15]);
});
