// Lists and forms: every page but the overview.
(() => {
  "use strict";
  const find = (selector, place = document) => place.querySelector(selector);
  const all = (selector, place = document) => [...place.querySelectorAll(selector)];

  // Lists: j and k mark a row, o opens it, x selects it.
  let marked = null;
  const mark = (row) => {
    if (marked) marked.classList.remove("is-marked");
    marked = row;
    row.classList.add("is-marked");
    row.scrollIntoView({ block: "nearest" });
    const link = find("a", row);
    if (link) link.focus({ preventScroll: true });
  };
  const step = (by) => {
    const list = all("[data-rows] > [data-row]");
    const place = list.indexOf(marked);
    const next = place < 0 ? (by > 0 ? 0 : list.length - 1) : place + by;
    if (list.length) mark(list[Math.max(0, Math.min(list.length - 1, next))]);
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || find("dialog[open]")) return;
    if (event.target.matches("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]")) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "o" && marked) { const link = find("a[href]", marked); if (link) link.click(); }
    else if (event.key === "x" && marked) {
      const box = find("input[type=checkbox]", marked);
      if (box) { box.checked = !box.checked; box.dispatchEvent(new Event("change", { bubbles: true })); }
    }
  });

  // Tasks that are selected: how many, and all of the page at once.
  const boxes = (form) => all("input[type=checkbox][name=id]", form);
  const countChosen = () => all("form[data-chosen]").forEach((form) => {
    const chosen = boxes(form).filter((box) => box.checked).length;
    all("[data-chosen-count]", form).forEach((place) => { place.textContent = chosen ? `${chosen} selected` : "None selected"; });
    all("[data-choose-all]", form).forEach((box) => {
      box.checked = chosen > 0 && chosen === boxes(form).length;
      box.indeterminate = chosen > 0 && !box.checked;
    });
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-choose-all]")) {
      boxes(event.target.closest("form")).forEach((box) => { box.checked = event.target.checked; });
    }
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
    countChosen();
  });

  document.addEventListener("htmx:afterSwap", () => {
    countChosen();
    if (marked && !marked.isConnected) {
      marked = marked.id ? document.getElementById(marked.id) : null;
      if (marked) marked.classList.add("is-marked");
    }
  });
  document.addEventListener("DOMContentLoaded", countChosen);
})();
