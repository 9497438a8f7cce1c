// Draws a figure to explore (metanet_lib/figures/interactive.py): its plot, its choices, and, of a map of
// models, a panel with the filters of the model that is pointed at, tapped or chosen by keyboard.
async function explore(name) {
  const figure = document.getElementById(name);
  const find = (selector) => figure.querySelector(selector);
  const { figure: drawn, updates, models } = JSON.parse(find("script[type='application/json']").textContent);
  const Plotly = await window.metanetPlotly;
  const plot = find(".plot");
  find(".unready").hidden = true;
  find("form").hidden = find(".stage").hidden = false;

  const ink = () => ({ "font.color": getComputedStyle(figure).color });
  await Plotly.newPlot(plot, drawn.data, drawn.layout, { responsive: true, displayModeBar: false });
  await Plotly.relayout(plot, ink());
  new MutationObserver(() => Plotly.relayout(plot, ink()))
    .observe(document.documentElement, { attributeFilter: ["data-theme"] });

  for (const choice of figure.querySelectorAll("input[type=radio]"))
    choice.onchange = () => Plotly.restyle(plot, updates[choice.value]);
  if (models) await showFilters();

  async function showFilters() {
    const [canvas, told, slider] = ["canvas", "output", "input[type=range]"].map(find);
    const sheet = new Image();
    sheet.src = models.picture;
    await sheet.decode();
    const starts = models.sizes.map((_, i) => models.sizes.slice(0, i).reduce((a, b) => a + b, 0));
    const side = models.side, cell = canvas.width / 4, pen = canvas.getContext("2d");
    let emphasised = -1;

    function show(model) {
      const dataset = starts.findLastIndex((start) => start <= model);
      const hidden = plot.data[dataset].visible === false ? " (not shown on the map now)" : "";
      told.textContent = `${models.titles[dataset]}, model ${model - starts[dataset] + 1}${hidden}`;
      pen.clearRect(0, 0, canvas.width, canvas.height);
      for (let filter = 0; filter < 16; filter++) {
        const x = (Math.floor(model / 256) * 16 + filter) * side, y = (model % 256) * side;
        pen.drawImage(sheet, x, y, side, side,
          (filter % 4) * cell, Math.floor(filter / 4) * cell, cell - 3, cell - 3);
      }
      if (dataset === emphasised) return;
      emphasised = dataset;
      Plotly.restyle(plot, { "marker.opacity": starts.map((_, i) => (i === dataset ? 1 : 0.6)),
        "marker.size": starts.map((_, i) => (i === dataset ? 10 : 7)) });
    }
    const pointed = ({ points: [{ curveNumber, pointNumber }] }) => {
      slider.value = starts[curveNumber] + pointNumber;
      show(+slider.value);
    };
    plot.on("plotly_hover", pointed);
    plot.on("plotly_click", pointed);
    slider.oninput = () => show(+slider.value);
    show(0);
  }
}
