// What the pages do better with a script. Without it they are plain forms and links, and nothing is missing.
"use strict";

(function () {
  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // How a figure of a chart is written, by what it is; seconds by their largest unit.
  const marks = {hour: [3600, "h", "ч"], minute: [60, "min", "мин"], second: [1, "s", "с"]};
  function said(value, unit) {
    if (value === null || value === undefined) return "–";
    const lang = document.documentElement.lang;
    if (unit === "share") return `${value.toLocaleString(lang)}\u00a0%`;
    if (unit !== "span") return value.toLocaleString(lang);
    const [size, en, ru] = Object.values(marks).find(([size]) => value >= size) ?? marks.second;
    return `${(Math.round(value / size * 10) / 10).toLocaleString(lang)}\u00a0${lang === "ru" ? ru : en}`;
  }
  const counts = [0, 1, 2, 3, 4, 5, 6].flatMap((tens) => [1, 2, 5].map((n) => n * 10 ** tens));
  const steps = {span: [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 18000, 36000, 86400, 259200], share: [5, 10, 20, 25, 50]};

  // A chart takes the place of the picture that the server has drawn; the same figures, with the hour under the pointer.
  function plot(figure) {
    const points = JSON.parse(figure.dataset.points);
    const place = figure.querySelector(".plot");
    const locale = document.documentElement.lang;
    const zone = {timeZone: figure.dataset.zone, hourCycle: "h23"};
    const unit = figure.dataset.unit, step = Number(figure.dataset.step || 3600), height = Number(figure.dataset.height || 150);
    const days = step >= 86400;
    const moment = new Intl.DateTimeFormat(locale, days ? {weekday: "short", day: "numeric", month: "short", year: "numeric", ...zone} : {weekday: "short", hour: "2-digit", minute: "2-digit", ...zone});
    const hour = new Intl.DateTimeFormat(locale, days ? {day: "numeric", month: "short", ...zone} : {hour: "2-digit", minute: "2-digit", ...zone});
    // with no pointer on it, the chart tells of the newest hour
    const shown = (at, place) => points[place][at ?? points[place].length - 1];
    const axis = {stroke: colour("--quiet"), grid: {show: false}, ticks: {show: false}, font: "12px system-ui"};
    place.replaceChildren();
    const chart = new uPlot({
      width: place.clientWidth, height, cursor: {y: false, drag: {x: false}}, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zone.timeZone),
      scales: {
        x: {time: true, range: [points[0][0], points[0][points[0].length - 1] + step]},
        y: {range: (_, __, most) => [0, Math.max(4, Math.ceil(most * 1.05))]},
      },
      axes: [
        {...axis, values: (_, marks) => marks.map((at) => hour.format(at * 1000)), space: 60, size: 32, gap: 10},
        {...axis, values: (_, marks) => marks.map((n) => (Number.isInteger(n) ? said(n, unit) : "")), size: unit === "span" ? 58 : 46, space: 26, incrs: steps[unit] ?? counts},
      ],
      series: [
        {label: figure.dataset.hour, value: (_, __, ___, at) => moment.format(shown(at, 0) * 1000)},
        {
          label: figure.dataset.label, fill: colour("--bar"), width: 0, points: {show: false},
          paths: uPlot.paths.bars({size: [0.8, 40], align: 1, radius: 0.2}), value: (_, __, ___, at) => said(shown(at, 1), unit),
        },
      ],
    }, points, place);
    const wide = new ResizeObserver(() => {
      if (!place.isConnected) { wide.disconnect(); chart.destroy(); return; }
      if (place.clientWidth !== chart.width) chart.setSize({width: place.clientWidth, height});
    });
    wide.observe(place);
  }

  function begin(root) {
    if (typeof uPlot !== "undefined") root.querySelectorAll("figure[data-points]").forEach(plot);
  }

  begin(document);
  document.addEventListener("htmx:afterSwap", (event) => begin(event.detail.elt.isConnected ? event.detail.elt : document));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => begin(document));
  // a button is pressed once; it comes alive again when the page is shown anew, also by "back"
  document.addEventListener("submit", (event) => {
    if (event.target.method === "post") setTimeout(() => event.target.querySelectorAll("button").forEach((one) => { one.disabled = true; }), 0);
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("button[disabled]").forEach((one) => { one.disabled = false; });
  });
})();
