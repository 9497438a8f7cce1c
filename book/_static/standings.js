// The table of the comparison: a head sorts by its column, choices above leave out rows.
function sortBy(table, column, head) {
  const down = head.getAttribute("aria-sort") !== "descending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    const order = isNaN(x) || isNaN(y) ? y.localeCompare(x) : y - x;
    return down ? order : -order;
  });
  table.tBodies[0].append(...rows);
}

function choice(table, name) {
  const label = document.createElement("label");
  const select = document.createElement("select");
  const values = new Set([...table.tBodies[0].rows].map((row) => row.dataset[name]));
  select.append(new Option("all", ""), ...[...values].map((value) => new Option(value, value)));
  select.dataset.name = name;
  label.append(`${name} `, select);
  return label;
}

function leaveOut(table, choices) {
  for (const row of table.tBodies[0].rows) {
    row.hidden = choices.some(({ value, dataset }) => value && row.dataset[dataset.name] !== value);
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.standings")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent || "number";
      button.addEventListener("click", () => sortBy(table, column, head));
      head.replaceChildren(button);
    });
    const bar = document.createElement("p");
    bar.className = "choices";
    bar.append(...["group", "given", "numbers"].map((name) => choice(table, name)));
    const choices = [...bar.querySelectorAll("select")];
    bar.addEventListener("change", () => leaveOut(table, choices));
    table.before(bar);
  }
});
