// Draws every [data-chart] from the JSON element that it names: canvas only, no markup in
// tooltips, no data view, so that the content security policy stays strict.
"use strict";

(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const drawn = new Map();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function axis(given) {
    if (Array.isArray(given)) return given.map(axis);
    if (!given) return given;
    const line = colour("--jb-line");
    return {
      axisLine: { lineStyle: { color: line } },
      splitLine: { lineStyle: { color: line } },
      ...given,
      axisLabel: { color: colour("--jb-ink-2"), ...given.axisLabel },
    };
  }

  function draw(box) {
    const option = JSON.parse(document.getElementById(box.dataset.chart).textContent);
    const ink = colour("--jb-ink");
    const chart = drawn.get(box) || echarts.init(box, null, { renderer: "canvas" });
    drawn.set(box, chart);
    const several = (option.series || []).length > 1;
    const palette = [1, 4, 3, 5, 2, 6].map((place) => colour(`--jb-shade-${place}`));
    chart.setOption({
      color: palette,
      animation: !calm.matches,
      grid: { left: 8, right: 16, top: 32, bottom: 8, containLabel: true },
      aria: { enabled: true, label: { enabled: false }, decal: { show: several } },
      ...option,
      textStyle: { color: ink, fontFamily: getComputedStyle(document.body).fontFamily },
      legend: option.legend && { ...option.legend, textStyle: { color: ink } },
      tooltip: { ...option.tooltip, renderMode: "richText" },
      toolbox: { show: false },
      xAxis: axis(option.xAxis),
      yAxis: axis(option.yAxis),
    }, true);
  }

  const drawAll = () => document.querySelectorAll("[data-chart]").forEach(draw);
  drawAll();
  dark.addEventListener("change", drawAll);
  window.addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
  document.addEventListener("htmx:load", (event) => {
    for (const [box, chart] of drawn) {
      if (box.isConnected) continue;
      chart.dispose();
      drawn.delete(box);
    }
    event.detail.elt.querySelectorAll?.("[data-chart]").forEach(draw);
  });
})();
