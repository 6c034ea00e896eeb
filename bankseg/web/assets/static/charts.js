// Replaces the drawing made on the server by an interactive chart; the table below it stays.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function draw(figure) {
  const numbers = JSON.parse(figure.dataset.chart);
  const words = JSON.parse(figure.dataset.words);
  const currency = figure.dataset.currency;
  const digits = currency ? new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits : 2;
  const language = document.documentElement.lang;
  const money = new Intl.NumberFormat(language, currency ? { style: "currency", currency, maximumFractionDigits: 0 } : { maximumFractionDigits: 0 });
  const units = (values) => values.map((value) => (value === null ? null : value / 10 ** digits));
  const place = document.createElement("div");
  place.className = "live-chart";
  figure.querySelector("svg").replaceWith(place);
  const chart = window.echarts.init(place, null, { renderer: "svg" });
  const month = (text) => new Date(`${text}-01T00:00:00Z`).toLocaleDateString(language, { month: "short", year: "numeric", timeZone: "UTC" });
  const ink = colour("--ink-soft"), line = colour("--line");
  const bar = (name, key) => ({ name, type: "bar", data: units(numbers[key]), itemStyle: { color: colour(`--chart-${key}`) }, barGap: "-100%", barMaxWidth: 18 });
  chart.setOption({
    animation: false,
    aria: { enabled: true },
    grid: { left: 8, right: 8, top: 12, bottom: 8, containLabel: true },
    tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: (value) => (value === null || value === undefined ? "–" : money.format(value)) },
    xAxis: { type: "category", data: numbers.months.map(month), axisLabel: { color: ink }, axisLine: { lineStyle: { color: line } } },
    yAxis: { type: "value", axisLabel: { color: ink, formatter: (value) => new Intl.NumberFormat(language, { notation: "compact" }).format(value) }, splitLine: { lineStyle: { color: line } } },
    series: [bar(words.credits, "credits"), bar(words.debits, "debits"), { name: words.balance, type: "line", data: units(numbers.balance), showSymbol: false, lineStyle: { width: 2.5 }, itemStyle: { color: colour("--chart-balance") } }],
  });
  new ResizeObserver(() => chart.resize()).observe(place);
}

document.querySelectorAll("figure[data-chart]").forEach(draw);
