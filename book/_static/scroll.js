// A box that scrolls sideways is reached with Tab, so that the arrow keys can move it.
// (The theme sees to tables and the outputs of cells; these are the book's own boxes.)
function reachScrollingBoxes() {
  for (const box of document.querySelectorAll("figure.metanet, .scroll, .cell_output")) {
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0;
    } else {
      box.removeAttribute("tabindex");
    }
  }
}
window.addEventListener("load", reachScrollingBoxes);
window.addEventListener("resize", reachScrollingBoxes);
