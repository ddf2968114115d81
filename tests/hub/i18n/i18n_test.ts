import { createFormat } from "../../../src/hub/i18n/format.ts";
import { locales, negotiateLanguage } from "../../../src/hub/i18n/locale.ts";
import { catalogue } from "../../../src/hub/i18n/messages.ts";
import { assert, assertEquals } from "../../assert.ts";

Deno.test("the language is the best of those that the browser asks for", () => {
  const cases: readonly [string | undefined, string, string][] = [
    [undefined, "en", "en"],
    ["", "en", "en"],
    ["*", "en", "en"],
    ["fr", "en", "en"],
    ["de-AT,de;q=0.9,en;q=0.8", "de", "de-AT"],
    ["en;q=0.1, NL-be;q=0.7", "nl", "nl-BE"],
    ["de;q=0, nl;q=0.1", "nl", "nl"],
    ["de;q=x, en", "en", "en"],
    ["de-,nl", "de", "de"],
    [`${"fr,".repeat(10_000)}de`, "en", "en"],
  ];
  for (const [header, locale, format] of cases) assertEquals(negotiateLanguage(header), { locale, format });
});

Deno.test("numbers, sizes and times are written as the language writes them", () => {
  assertEquals(createFormat("de").number(1234567), "1.234.567");
  assertEquals(createFormat("en").bytes(0), "0 bytes");
  assertEquals(createFormat("en").bytes(999), "999 bytes");
  assertEquals(createFormat("nl").bytes(2_000_000_000), "2 GB");
  assertEquals(createFormat("en").duration(45), "45 seconds");
  assertEquals(createFormat("nl").duration(290), "5 minuten");
  assertEquals(createFormat("de").duration(0), "1 Sekunde");
  assertEquals(createFormat("en-GB").instant(new Date("2026-03-04T10:15:12Z")), "4 Mar 2026, 10:15:12 UTC");
});

Deno.test("no text is empty, and the manual's names are word for word", () => {
  for (const locale of locales) {
    for (const [key, text] of Object.entries(catalogue[locale])) {
      assert(typeof text === "function" || text.trim() !== "", `${locale}: ${key}`);
    }
  }
  const { nl } = catalogue;
  assertEquals(nl.addTitle, "Voeg een nieuwe integratie toe");
  assertEquals(nl.pinLabel, "PIN die tijdens de installatie wordt weergegeven");
  assertEquals(nl.connect, "Verbinden");
  assertEquals(nl.connectNew, "Een nieuwe installatie met injixo Cloud Link verbinden");
  assertEquals(nl.downloadWindows, "Download voor Windows 64-bit");
  assertEquals(nl.downloadLinux, "Download voor Linux 64-bit");
});

Deno.test("sentences with a number take the form that goes with it", () => {
  const of = (locale: "en" | "nl" | "de") =>
    [1, 2].map((count) => catalogue[locale].stateWaitingReason({ count, number: String(count) }));
  assertEquals(of("en"), ["1 import is on its way.", "2 imports are on their way."]);
  assertEquals(of("nl"), ["1 import is onderweg.", "2 imports zijn onderweg."]);
  assertEquals(of("de"), ["1 Import ist unterwegs.", "2 Importe sind unterwegs."]);
});

Deno.test("the preview says how many rows it shows only if there are more", () => {
  const of = (locale: "en" | "nl" | "de", shown: string | undefined) =>
    catalogue[locale].previewCaption({ count: 31, number: "31", shown });
  assertEquals(of("en", "10"), "31 rows in the last hour, the first 10 of them");
  assertEquals(of("nl", "10"), "31 rijen in het laatste uur, de eerste 10 daarvan");
  assertEquals(of("de", "10"), "31 Zeilen in der letzten Stunde, die ersten 10 davon");
  assertEquals(of("en", undefined), "31 rows in the last hour");
  assertEquals(of("nl", undefined), "31 rijen in het laatste uur");
  assertEquals(of("de", undefined), "31 Zeilen in der letzten Stunde");
});
