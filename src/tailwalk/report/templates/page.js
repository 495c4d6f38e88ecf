// SPDX-License-Identifier: GPL-2.0-or-later
"use strict";
const every = (selector, root = document) => [...root.querySelectorAll(selector)];

// Tables: largest figure first (of names, A first), then the other way round, then as it was.
for (const table of every("table.sortable")) {
  const heads = every("th[aria-sort]", table.tHead);
  const body = table.tBodies[0];
  const rows = [...body.rows];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const key = (row) => row.cells[column].dataset.key;
    const figures = rows.some((row) => !isNaN(parseFloat(key(row)))) && head.className === "figure";
    const orders = figures ? ["descending", "ascending", "none"] : ["ascending", "descending", "none"];
    const order = orders[(orders.indexOf(head.getAttribute("aria-sort")) + 1) % 3];
    const sign = order === "ascending" ? 1 : -1;
    const compare = (one, two) => {
      const [a, b] = [key(one), key(two)];
      if (a === "" || b === "") return (a === "") - (b === ""); // what has no value comes last
      return sign * (figures ? parseFloat(a) - parseFloat(b) : a.localeCompare(b, "en", { numeric: true }));
    };
    body.append(...(order === "none" ? rows : [...rows].sort(compare)));
    heads.forEach((each) => each.setAttribute("aria-sort", each === head ? order : "none"));
    const name = head.dataset.name || head.textContent.trim();
    document.getElementById("sorted").textContent =
      order === "none" ? "In the first order again." : `Sorted by ${name}, ${order}.`;
  }));
}

// What a mark, a frame or a cell stands for: said at the foot of the window to a pointer that
// rests on it, a finger or the keyboard. Without this script it is the browser's own tooltip.
const said = document.getElementById("said");
for (const title of every("svg title")) {
  const one = title.parentNode;
  if (one.matches(".mark, .frame")) {
    one.dataset.said = title.textContent;
    one.setAttribute("role", "img");
    one.setAttribute("aria-label", title.textContent);
    one.ownerSVGElement.setAttribute("role", "group");
  } else {
    one.setAttribute("aria-label", title.textContent);
  }
  title.remove();
}
for (const cell of every("td[title]")) {
  cell.dataset.said = cell.title;
  cell.removeAttribute("title");
}
// A cell of a heat map is a link: it says what stands where it leads, or has a title.
for (const link of every(".heat-cell a")) {
  link.dataset.said = link.title || document.querySelector(`${link.hash} span`).textContent;
  link.removeAttribute("title");
}
const say = (one) => {
  said.textContent = one ? one.dataset.said : "";
  said.hidden = !one;
  every(".said").forEach((other) => other.classList.remove("said"));
  if (one) one.classList.add("said");
};
const at = (event) => event.target.closest("[data-said]");
addEventListener("pointerover", (event) => {
  if (at(event)) say(at(event));
  else if (event.target !== said) say(document.activeElement.matches("[data-said]") ? document.activeElement : null);
});
addEventListener("focusin", (event) => say(at(event)));
addEventListener("focusout", () => say(null));
addEventListener("keydown", (event) => event.key === "Escape" && say(null));

// One stop of the tab key for each table and chart; the arrows go on from there.
const middle = (one) => {
  const box = one.getBoundingClientRect();
  return [box.left + box.width / 2, box.top + box.height / 2];
};
const beyond = (items, here, sign) => {
  const [x, y] = middle(here);
  const below = (one) => sign * (middle(one)[1] - y);
  const aside = (one) => Math.abs(middle(one)[0] - x);
  const there = items.filter((one) => below(one) > 4);
  const next = Math.min(...there.map(below));
  return there.filter((one) => below(one) <= next + 4).reduce(
    (best, one) => (best && aside(best) <= aside(one) ? best : one), null);
};
for (const group of every("table, figure")) {
  every("[data-said]", group).forEach((one, index) => {
    one.tabIndex = index ? -1 : 0;
    if (one.matches("td, a")) one.setAttribute("aria-describedby", "said");
  });
  group.addEventListener("keydown", (event) => {
    const here = at(event);
    if (!here || event.ctrlKey || event.altKey || event.metaKey) return;
    const items = every("[data-said]", group);
    const index = items.indexOf(here);
    const next = {
      ArrowRight: () => items[index + 1], ArrowLeft: () => items[index - 1],
      ArrowDown: () => beyond(items, here, 1), ArrowUp: () => beyond(items, here, -1),
      Home: () => items[0], End: () => items[items.length - 1],
    }[event.key]?.();
    if (!next) return;
    event.preventDefault();
    here.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

// Paper shows what is folded.
for (const event of ["beforeprint", "afterprint"]) {
  addEventListener(event, () => every("details").forEach((one) => {
    if (event === "beforeprint") one.dataset.open = one.open;
    one.open = event === "beforeprint" || one.dataset.open === "true";
  }));
}
