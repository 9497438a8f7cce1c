// Quiet code: each cell's code opens at a small mark; a button of the page opens or closes all of it,
// and that choice holds on every page until it is changed.
const CODE = "metanet.code";

function remembered() {
  try {
    return localStorage.getItem(CODE);
  } catch {
    return null; // a page opened from a folder may have no memory
  }
}

function allCode() {
  return [...document.querySelectorAll("details.above-input")];
}

function openCode(open) {
  for (const cell of allCode()) cell.open = open;
}

function toggleCode() {
  const open = allCode().some((cell) => !cell.open);
  openCode(open);
  try {
    localStorage.setItem(CODE, open ? "open" : "closed");
  } catch {
    // then it holds for this page
  }
}

// Code that a chapter shows gets the mark too, so that it can be closed.
function markShownCode() {
  for (const input of document.querySelectorAll(".cell > .cell_input")) {
    if (!input.querySelector("pre")) continue;
    const cell = document.createElement("details");
    cell.className = "admonition hide above-input";
    cell.open = true;
    const mark = document.createElement("summary");
    mark.setAttribute("aria-label", "Toggle the code of this cell");
    input.before(cell);
    cell.append(mark, input);
  }
}

document.addEventListener("DOMContentLoaded", () => {
  markShownCode();
  if (remembered()) openCode(remembered() === "open");
});
