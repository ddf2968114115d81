/** What every page of the console must have, checked in the browser: after WCAG 2.2, levels A and AA. */
import type { Page } from "playwright-core";

/** What is wrong with the page as it is shown now; empty when nothing. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  return await page.evaluate(`(${inspect})()`) as string[];
}

/** Runs in the page; a text, because it is written for the browser's types and not for Deno's. */
const inspect = `() => {
  const faults = [];
  const say = (fault, element) => faults.push(fault + ": " + element.outerHTML.slice(0, 160));
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });

  if (!/^(en|nl|de)$/.test(document.documentElement.lang)) faults.push("no language");
  if (document.title.trim() === "") faults.push("no title");
  for (const landmark of ["header", "main"]) {
    if (document.querySelectorAll("body > " + landmark).length !== 1) faults.push("not one " + landmark);
  }
  const skip = document.querySelector("body > a");
  if (skip?.getAttribute("href") !== "#content") faults.push("the first link does not skip to the content");

  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const now = Number(heading.tagName[1]);
    if (now > level + 1) say("heading skips a level", heading);
    level = now;
  }
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");

  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) faults.push("id twice: " + id);
  for (const attribute of ["aria-describedby", "aria-labelledby"]) {
    for (const element of document.querySelectorAll("[" + attribute + "]")) {
      for (const id of element.getAttribute(attribute).split(" ")) {
        if (document.getElementById(id) === null) say(attribute + " names nothing", element);
      }
    }
  }
  for (const input of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (input.labels.length === 0) say("no label", input);
  }
  for (const image of document.querySelectorAll("img")) if (!image.hasAttribute("alt")) say("no alternative text", image);
  for (const element of document.querySelectorAll("a, button, summary")) {
    if ((element.getAttribute("aria-label") ?? element.textContent).trim() === "") say("no name", element);
  }
  for (const element of document.querySelectorAll("[style]:not([style='']), [onclick], script:not([src]), style")) say("inline", element);

  // Buttons and what looks like one can be hit with a thumb; fields too.
  for (const element of document.querySelectorAll("button, .button, input[type=text], input[type=password], select, summary")) {
    if (shown(element) && element.getBoundingClientRect().height < 44) say("lower than 44 px", element);
  }

  const channel = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
  const parse = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (texts.currentNode.data.trim() === "" || element.closest("noscript, .visually-hidden") || !shown(element)) continue;
    const [light, dark] = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) say("contrast " + contrast.toFixed(2), element);
  }

  const overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (overflow > 0) faults.push("scrolls sideways by " + overflow + " px");
  return faults;
}`;
