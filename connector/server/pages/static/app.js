// What the pages do better with a script. Everything else works without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const find = (selector, place = document) => place.querySelector(selector);
  const all = (selector, place = document) => [...place.querySelectorAll(selector)];

  // Theme: as the system has it, until somebody chooses. Before the page is drawn, so that it does not flash.
  const THEMES = { "": "System theme", light: "Light theme", dark: "Dark theme" };
  const readTheme = () => { try { return localStorage.getItem("connector-theme") || ""; } catch { return ""; } };
  const useTheme = (theme) => {
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
    all("[data-theme-name]").forEach((place) => { place.textContent = THEMES[theme]; });
  };
  useTheme(readTheme());
  root.classList.add("has-script");

  // Times: in the viewer's zone and words.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const seconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const fine = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  const year = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
  const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const sayDay = (at) => (at.getFullYear() === new Date().getFullYear() ? day : year).format(at);
  const sayAgo = (at) => {
    const distance = (Date.now() - at) / 1000;
    const span = Math.abs(distance);
    const [size, unit] = span < 60 ? [1, "s"] : span < 3600 ? [60, "min"] : span < 86400 ? [3600, "h"] : [86400, "d"];
    const text = `${Math.floor(span / size)} ${unit}`;
    if (span < 1.5) return "now";
    return distance < 0 ? `in ${text}` : `${text} ago`;
  };
  const say = {
    short: (at) => (at.toDateString() === new Date().toDateString() ? seconds.format(at) : `${sayDay(at)} ${clock.format(at)}`),
    full: (at) => `${sayDay(at)} ${seconds.format(at)}`,
    fine: (at) => fine.format(at),
    clock: (at) => clock.format(at),
    day: (at) => sayDay(at),
    ago: sayAgo,
  };
  const localise = (place) => {
    all("time[datetime][data-form]", place).forEach((element) => {
      const at = new Date(element.dateTime);
      if (Number.isNaN(+at)) return;
      element.textContent = (say[element.dataset.form] || say.short)(at);
      element.title = `${whole.format(at)} (${zone})`;
    });
    all("[data-columns]", place).forEach((group) => {  // columns of a chart: what they stand for, where the mouse is
      const { from, step, columns } = group.dataset;
      delete group.dataset.columns;
      columns.split("|").forEach((words, index) => {
        const make = (name) => document.createElementNS("http://www.w3.org/2000/svg", name);
        const spot = group.appendChild(make("path"));
        spot.setAttribute("d", `M${10 * index} 0h10v${group.ownerSVGElement.viewBox.baseVal.height}h-10z`);
        spot.appendChild(make("title")).textContent = `${say.short(new Date(Date.parse(from) + step * index))}: ${words}`;
      });
    });
  };

  // What is of no use without a script is shown only now.
  const reveal = (place) => {
    all("[data-copy], [data-theme-toggle], [data-keys], [data-live], [data-script]", place).forEach((element) => { element.hidden = false; });
    useTheme(readTheme());
  };

  const copyOf = (button) => {
    if (button.dataset.copy) return button.dataset.copy;
    const place = button.closest(".code, .command");
    return find("code", place).textContent;
  };
  const copy = async (button) => {
    const word = find("[data-copy-word]", button);
    let told = "Copied";
    try { await navigator.clipboard.writeText(copyOf(button)); } catch { told = "Not allowed"; }
    if (word) { word.textContent = told; setTimeout(() => { word.textContent = "Copy"; }, 1600); }
  };

  // Parts that keep themselves up to date: <div id="live" data-refresh="5" hx-get="/" hx-trigger="refresh">.
  // Not while the tab is hidden, nor after the viewer has paused it.
  let isPaused = false;
  try { isPaused = sessionStorage.getItem("connector-paused") === "yes"; } catch { /* not allowed: it is not kept */ }
  const lastAt = new Map();
  const refresh = (isDue = false) => {
    if (document.hidden || isPaused || !window.htmx) return;
    all("[data-refresh]").forEach((element) => {
      const isOld = Date.now() - (lastAt.get(element.id) || 0) >= element.dataset.refresh * 1000 - 100;
      const isUsed = all("input, textarea", element).some((field) =>
        field === document.activeElement || (/checkbox|radio/.test(field.type) ? field.checked !== field.defaultChecked : field.value !== field.defaultValue));
      if ((isDue || isOld) && !isUsed) { lastAt.set(element.id, Date.now()); window.htmx.trigger(element, "refresh"); }
    });
  };
  const showPaused = () => all("[data-live]").forEach((button) => {
    button.setAttribute("aria-pressed", String(!isPaused));
    const word = find("[data-live-word]", button);
    if (word) word.textContent = isPaused ? "Updates paused" : "Live";
  });

  const PLACES = { o: "/", t: "/tasks", u: "/unknown", s: "/schedules", c: "/clients" };
  let isGoing = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || find("dialog[open]")) return;
    if (event.target.matches("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const key = event.key;
    if (isGoing) {
      isGoing = false;
      if (PLACES[key]) { event.preventDefault(); location.assign(PLACES[key]); return; }
    }
    if (key === "g") { isGoing = true; setTimeout(() => { isGoing = false; }, 1200); return; }
    const search = key === "/" && find("[data-search]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
    else if (key === "?") { event.preventDefault(); find("#keys").showModal(); }
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[data-copy]")) copy(button);
    else if (button.matches("[data-keys]")) find("#keys").showModal();
    else if (button.matches("[data-theme-toggle]")) {
      const order = Object.keys(THEMES);
      const theme = order[(order.indexOf(readTheme()) + 1) % order.length];
      try { localStorage.setItem("connector-theme", theme); } catch { /* not allowed: for this page only */ }
      useTheme(theme);
    } else if (button.matches("[data-live]")) {
      isPaused = !isPaused;
      try { sessionStorage.setItem("connector-paused", isPaused ? "yes" : "no"); } catch { /* as above */ }
      showPaused();
      refresh(true);
    }
  });
  // What has changed by itself is said to those who do not see it: the words of [data-said], where they are others now.
  let said = null;
  const tell = () => {
    const words = all("[data-said]").map((element) => element.dataset.said).join(". ");
    const place = find("#said");
    if (place && said !== null && words !== said) place.textContent = words;
    said = words;
  };

  // htmx: a log-in page is no part of another page; an answer that fails says so; what was swapped in is dressed.
  const offline = (isOff) => { const place = find("#offline"); if (place) place.hidden = !isOff; };
  document.addEventListener("htmx:beforeSwap", (event) => {
    const address = event.detail.xhr.responseURL;
    if (address && new URL(address).pathname === "/login" && location.pathname !== "/login") {
      event.detail.shouldSwap = false;
      location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    localise(document); reveal(document); showPaused(); tell();
    if (event.detail.target && event.detail.target.id) lastAt.set(event.detail.target.id, Date.now());
  });
  document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.successful) offline(false); });
  document.addEventListener("htmx:sendError", () => offline(true));
  document.addEventListener("htmx:timeout", () => offline(true));
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status === 401 || status === 403) location.reload(); else if (status >= 500) offline(true);
  });

  document.addEventListener("DOMContentLoaded", () => {
    localise(document); reveal(document); showPaused(); tell();
    all("[data-refresh]").forEach((element) => lastAt.set(element.id, Date.now()));
    setInterval(refresh, 1000);
    setInterval(() => { if (!document.hidden) localise(document); }, 20000);
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
})();
