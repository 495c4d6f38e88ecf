"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.querySelectorAll("th[aria-sort]")];
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    // Figures are looked at for the largest first, names for A first.
    const figures = [...table.tBodies[0].rows].some((row) => !isNaN(parseFloat(row.cells[column].dataset.key)));
    const first = figures ? "descending" : "ascending";
    const other = figures ? "ascending" : "descending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    const sign = order === "ascending" ? 1 : -1;
    const key = (row) => row.cells[column].dataset.key;
    const compare = (one, two) => {
      const [a, b] = [key(one), key(two)];
      if (a === "" || b === "") return (a === "") - (b === ""); // what has no value comes last
      return sign * (figures ? parseFloat(a) - parseFloat(b) : a.localeCompare(b, "en", { numeric: true }));
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
    heads.forEach((each) => each.setAttribute("aria-sort", each === head ? order : "none"));
    document.getElementById("sorted").textContent = `Sorted by ${head.textContent}, ${order}.`;
  }));
}
for (const event of ["beforeprint", "afterprint"]) {
  addEventListener(event, () => document.querySelectorAll("details").forEach((one) => {
    if (event === "beforeprint") one.dataset.open = one.open;
    one.open = event === "beforeprint" || one.dataset.open === "true";
  }));
}
