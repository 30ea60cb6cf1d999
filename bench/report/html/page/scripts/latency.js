// Distributions of single requests: a violin per file, with the baseline's file behind it where both were timed in pairs.
function showLatency() {
  const { places, rows } = DATA.latency;
  if (!places.length) return drop("latency");
  const shown = { place: places[0].key, relative: false, before: true };
  const where = choice("profile, length", places.map((place) => [place.key, place.words]), (value) => redraw({ place: value }));
  const unit = choice("unit", [["ms", "milliseconds"], ["teacher", "multiple of the teacher's P50"]], (value) => redraw({ relative: value === "teacher" }));
  const picture = make("div");
  const table = sortable("Single requests, batch 1", LATENCY_COLUMNS, [], { rowHeader: true });
  const redraw = (change) => {
    Object.assign(shown, change);
    const here = rows.filter((row) => row.place === shown.place);
    picture.replaceChildren(violins(here, shown));
    table.update(here);
  };
  section("latency").append(
    make("div", { class: "controls" }, where.node, unit.node, tick("baseline's file (dashed)", true, (value) => redraw({ before: value }))),
    picture,
    table.node,
  );
  redraw({});
}

const LATENCY_COLUMNS = [
  { title: "model", value: (row) => row.artifact },
  { title: "P50, ms", number: true, value: (row) => row.p50, show: (row, value) => digits(value) },
  { title: "P90, ms", number: true, value: (row) => row.p90, show: (row, value) => digits(value) },
  { title: "speed-up (95 % CI)", number: true, value: (row) => 1 / row.ratio[0], show: (row) => (row.artifact === DATA.reference ? "1×" : faster(row.ratio)) },
  { title: "requests", number: true, value: (row) => row.samples.length },
];

function faster([middle, low, high]) {
  return `${digits(1 / middle)}× (${digits(1 / high)} to ${digits(1 / low)})`;
}

function violins(rows, { place, relative, before }) {
  const left = 210, right = 120, width = 1140, row = 54, top = 8;
  const height = top + row * rows.length + 34;
  const { picture, node } = canvas(width, height, "Distributions of latency");
  const teacher = rows.find((each) => each.artifact === DATA.reference);
  const scale = relative && teacher ? teacher.p50 : 1;
  const pairs = before ? DATA.latency.paired.filter((pair) => pair.place === place) : [];
  const every = [...rows.flatMap((each) => each.samples), ...pairs.flatMap((pair) => [...pair.before, ...pair.now])].filter((ms) => ms > 0);
  const low = Math.log(Math.min(...every)) - 0.05, high = Math.log(Math.max(...every)) + 0.05;
  const x = (ms) => left + ((Math.log(ms) - low) / (high - low)) * (width - left - right);
  for (const value of ticks(Math.exp(low) / scale, Math.exp(high) / scale)) {
    picture.append(
      draw("line", { x1: x(value * scale), x2: x(value * scale), y1: top, y2: height - 28, class: "grid" }),
      draw("text", { x: x(value * scale), y: height - 12, "text-anchor": "middle", class: "muted" }, relative && teacher ? `${value}×` : `${value} ms`),
    );
  }
  rows.forEach((each, number) => {
    const y = top + row * number + row / 2;
    // Beside the baseline's file stand the times of the same pairs: those of the sets are of other processes.
    const pair = pairs.find((one) => one.artifact === each.artifact);
    const [times, p50, p90] = pair ? [pair.now, quantile(pair.now, 0.5), quantile(pair.now, 0.9)] : [each.samples, each.p50, each.p90];
    const group = draw("g", { class: each.role }, draw("path", { d: violin(times, x, y, row * 0.42), class: "soft" }));
    if (pair) group.append(draw("path", { d: violin(pair.before, x, y, row * 0.42), class: "before" }));
    group.append(
      draw("line", { x1: x(p50), x2: x(p50), y1: y - 20, y2: y + 20, class: "axis", "stroke-width": 2 }),
      draw("line", { x1: x(p90), x2: x(p90), y1: y - 20, y2: y + 20, class: "axis", "stroke-opacity": 0.5 }),
      draw("text", { x: left - 10, y: y + 4, "text-anchor": "end", stroke: "none" }, shortened(each.artifact, 32)),
      draw("text", { x: width - right + 10, y: y + 4, stroke: "none" }, `${digits(each.p50 / scale)} / ${digits(each.p90 / scale)}`),
    );
    const sorted = [...each.samples].sort((a, b) => a - b);
    const quantiles = [10, 25, 50, 75, 90, 99].map((share) => `P${share}: ${digits(quantile(sorted, share / 100))} ms`);
    hint(group, [each.artifact, ...quantiles, pair ? `against the baseline's file: ${pair.said}` : ""].filter(Boolean).join("\n"));
    picture.append(group);
  });
  picture.append(draw("text", { x: width - right + 10, y: height - 12, class: "muted" }, "P50 / P90"));
  return node;
}

function violin(samples, x, y, half) {
  // Gaussian kernels over the logarithms, with Silverman's robust width.
  const logs = samples.filter((ms) => ms > 0).map(Math.log).sort((a, b) => a - b);
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const deviation = Math.sqrt(logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / logs.length);
  const spread = Math.min(deviation, (quantile(logs, 0.75) - quantile(logs, 0.25)) / 1.34) || deviation;
  const width = Math.max(0.9 * spread * logs.length ** -0.2, 0.002);
  const points = Array.from({ length: 60 }, (_, number) => logs[0] + (number / 59) * (logs.at(-1) - logs[0]));
  const heights = points.map((at) => logs.reduce((sum, log) => sum + Math.exp(-0.5 * ((at - log) / width) ** 2), 0));
  const most = Math.max(...heights);
  const edge = points.map((at, number) => [x(Math.exp(at)), (half * heights[number]) / most]);
  const up = edge.map(([at, height]) => `${at.toFixed(1)} ${(y - height).toFixed(1)}`);
  const down = edge.reverse().map(([at, height]) => `${at.toFixed(1)} ${(y + height).toFixed(1)}`);
  return `M${up.join("L")}L${down.join("L")}Z`;
}

function ticks(low, high) {
  let found = [];
  for (const steps of [[1], [1, 2, 5], [1, 1.5, 2, 3, 5, 7], [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9]]) {
    found = [];
    for (let power = -5; power < 7; power++) for (const step of steps) found.push(Number((step * 10 ** power).toPrecision(3)));
    found = found.filter((value) => value >= low && value <= high);
    if (found.length >= 4) break;
  }
  return found;
}
