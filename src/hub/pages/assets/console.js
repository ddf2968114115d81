/**
 * What the console's pages need of the browser; each page works without it.
 *
 * - Times are shown in the browser's time zone.
 * - Once six digits are typed, the machine that shows this PIN is named before it is connected.
 * - An integration's page is kept current: the hub says that something changed, the page is fetched again, and its parts
 *   marked `data-live` take the place of the old ones.
 */

const language = document.documentElement.dataset.format ?? "en";
const instant = new Intl.DateTimeFormat(language, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

function showLocalTimes(root) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    time.textContent = instant.format(new Date(time.dateTime));
  }
}

/** Puts the new parts in place, without taking the focus from where it is. */
async function refresh(announcement) {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (response.redirected || response.status === 404) return location.reload();
  if (!response.ok) throw new Error(`status ${response.status}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  showLocalTimes(page);
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
    if (fresh === null) return location.reload();
    if (fresh.isEqualNode(part)) continue;
    markNew(part, fresh);
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    part.replaceWith(document.adoptNode(fresh));
    if (focused !== null) fresh.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  }
  const live = document.querySelector("[data-live-announcement]");
  if (live !== null && announcement !== "") live.textContent = announcement;
}

function markNew(old, fresh) {
  const known = new Set([...old.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
  for (const row of fresh.querySelectorAll("[data-key]")) {
    if (!known.has(row.dataset.key)) row.classList.add("fresh");
  }
}

function followChanges(note) {
  let source;
  const show = (text) => {
    if (note.textContent !== text) note.textContent = text;
  };
  const open = () => {
    source?.close();
    source = new EventSource(note.dataset.liveSource);
    source.addEventListener("ready", () => {
      show(note.dataset.text);
      update("");
    });
    source.addEventListener("changed", (event) => update(event.data));
    source.addEventListener("gone", () => location.reload());
    source.addEventListener("error", () => {
      show(note.dataset.textLost);
      // A stream that was answered with an error is not tried again by itself.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 5000);
    });
  };
  const update = (announcement) => refresh(announcement).catch(() => show(note.dataset.textLost));
  // A page in the background holds no connection: browsers have few of them.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source?.close();
    else open();
  });
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

function lookAtPin(field) {
  const form = field.form;
  const result = form.querySelector("[data-look-result]");
  let asked = "";
  field.addEventListener("input", async () => {
    const pin = field.value.replaceAll(/\s/g, "");
    if (pin === asked) return;
    asked = pin;
    result.textContent = "";
    if (!/^[0-9]{6}$/.test(pin)) return;
    const response = await fetch(field.dataset.look, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!response.ok || pin !== asked) return;
    const { machine, message } = await response.json();
    result.textContent = machine === undefined ? message : result.dataset.text.replace("{machine}", () => machine);
  });
}

showLocalTimes(document);
for (const field of document.querySelectorAll("[data-look]")) lookAtPin(field);
for (const note of document.querySelectorAll("[data-live-source]")) followChanges(note);
