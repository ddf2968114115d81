import { Patience } from "../../src/cloud/patience.ts";
import { assertEquals } from "../assert.ts";

Deno.test("patience grows where answers come late, and shrinks where they do not", () => {
  const patience = new Patience();
  const seconds = (change: () => void) => {
    change();
    return patience.graceMs / 1000;
  };
  const late = () => patience.ranOut();
  const answered = () => patience.sufficed(1000);
  assertEquals([late, late, late, late].map(seconds), [30, 60, 120, 120]);
  assertEquals([answered, answered, answered, answered].map(seconds), [60, 30, 15, 15]);
  const answeredLate = () => patience.sufficed(16_000);
  assertEquals([late, answeredLate, answeredLate].map(seconds), [30, 30, 30], "half of it would not have been enough");
});
