/**
 * What the console's pages need from the browser; every page works without it.
 *
 * - Times are shown in the browser's time zone.
 * - Once six digits are typed, shows which machine the PIN belongs to, before it is connected.
 * - An integration's page is kept current: when the hub's events report a change, the page is fetched again, and its
 *   parts marked `data-live` replace the old ones.
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

/** Minimum time between two fetches of the page, in ms: during a backlog something changes all the time. */
const refreshMs = 2000;
/** How long after a refused event stream the next one is opened, in ms. */
const reopenMs = 5000;
/** How long after the sixth digit the PIN is looked up, in ms: pressing Enter at once needs no look-up. */
const settleMs = 400;

function showLocalTimes(root) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    time.textContent = instant.format(new Date(time.dateTime));
  }
}

/**
 * Puts the new parts in place without moving the focus. `address` is the page's own: after a refused form, the
 * browser's address may be the form's.
 */
async function refresh(address) {
  const response = await fetch(address, { headers: { Accept: "text/html" } });
  if (response.redirected || response.status === 404) return location.assign(address);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  showLocalTimes(page);
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
    if (fresh === null) return location.assign(address);
    if (fresh.isEqualNode(part)) continue;
    markNew(part, fresh);
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    part.replaceWith(document.adoptNode(fresh));
    if (focused !== null) fresh.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

/** Announces to screen readers how many imports are new. */
function announce(count) {
  const live = document.querySelector("[data-live-announcement]");
  // A draft's page has no list.
  if (live === null) return;
  const { textOne, textOther } = live.dataset;
  const text = new Intl.PluralRules(language).select(count) === "one" ? textOne : textOther;
  live.textContent = text.replace("{number}", () => new Intl.NumberFormat(language).format(count));
}

function markNew(old, fresh) {
  const known = new Set([...old.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
  for (const row of fresh.querySelectorAll("[data-key]")) {
    if (!known.has(row.dataset.key)) row.classList.add("fresh");
  }
}

function followChanges(note) {
  let source;
  let importCount;
  let shownCount;
  let changed = false;
  let following = false;
  const show = (text) => {
    if (note.textContent !== text) note.textContent = text;
  };
  const update = () =>
    refresh(note.dataset.page).then(() => show(note.dataset.text), () => show(note.dataset.textLost));
  /** At once, or as soon as the page may be fetched again, together with other changes. */
  const follow = async () => {
    changed = true;
    if (following) return;
    following = true;
    while (changed) {
      changed = false;
      const before = shownCount;
      shownCount = importCount;
      await update();
      if (shownCount > before) announce(shownCount - before);
      await new Promise((resolve) => setTimeout(resolve, refreshMs));
    }
    following = false;
  };
  const open = () => {
    source?.close();
    source = new EventSource(note.dataset.liveSource);
    source.addEventListener("integration", (event) => {
      ({ importCount } = JSON.parse(event.data));
      void follow();
    });
    source.addEventListener("gone", () => location.assign(note.dataset.page));
    source.addEventListener("error", () => {
      show(note.dataset.textLost);
      // The browser does not reopen a stream answered with an error. The session may have ended: refresh notices that.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => update().then(open), reopenMs);
    });
  };
  // A page in the background holds no connection: browsers limit their number.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source?.close();
    else open();
  });
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

/** Wrong PINs are counted, so none is sent twice: neither while being typed nor once known to be wrong. */
function lookAtPin(field) {
  const form = field.form;
  const result = form.querySelector("[data-look-result]");
  let timer;
  let asked = "";
  let wrong = "";
  const pinOf = () => field.value.replaceAll(/\s/g, "");
  const show = (text, isError) => {
    result.textContent = text;
    result.classList.toggle("error", isError);
  };
  const look = async (pin) => {
    const response = await fetch(field.dataset.look, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!response.ok || pin !== asked) return;
    const { machine, details, message } = await response.json();
    if (machine === undefined) wrong = pin;
    show(
      machine === undefined ? message : `${result.dataset.text.replace("{machine}", () => machine)}\n${details}`,
      machine === undefined,
    );
  };
  field.addEventListener("input", () => {
    const pin = pinOf();
    if (pin === asked) return;
    asked = pin;
    clearTimeout(timer);
    show("", false);
    if (/^[0-9]{6}$/.test(pin)) timer = setTimeout(() => look(pin).catch(() => {}), settleMs);
  });
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (wrong === "" || pinOf() !== wrong) return;
    event.preventDefault();
    field.select();
  });
}

showLocalTimes(document);
for (const field of document.querySelectorAll("[data-look]")) lookAtPin(field);
for (const note of document.querySelectorAll("[data-live-source]")) followChanges(note);
