// The link of a figure, table or plate to itself. A click leads there, as with any link, so that the
// full address stands in the location bar; where the browser allows, it is copied, too.
document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a.anchor");
  if (!link) return;
  try {
    await navigator.clipboard.writeText(link.href);
  } catch {
    return; // then the location bar has it
  }
  if (link.nextElementSibling) return; // it still says so
  const told = document.createElement("output");
  told.className = "copied";
  link.after(told);
  told.textContent = "address copied";
  setTimeout(() => told.remove(), 2000);
});
