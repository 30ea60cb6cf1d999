// The runs so far: the change of each file against the first run with the current baseline, a panel per file.
function showHistory() {
  const { runs, files } = DATA.history;
  if (runs.length < 2) return drop("history");
  const metrics = unique(Object.values(files).flatMap((file) => Object.keys(file)));
  const shown = { metric: metrics[0], first: 0, last: runs.length - 1 };
  const place = make("div", { class: "panels" });
  const range = make("span", { class: "muted", role: "status" });
  const redraw = (change) => {
    Object.assign(shown, change);
    range.textContent = `runs ${shown.first + 1} to ${shown.last + 1} of ${runs.length}`;
    place.replaceChildren(...Object.keys(files).filter((id) => files[id][shown.metric]).map((id) => trend(id, files[id][shown.metric], shown)));
  };
  const zoom = (factor) => {
    const middle = (shown.first + shown.last) / 2, half = Math.max(((shown.last - shown.first) / 2) * factor, 0.5);
    redraw({ first: Math.max(Math.floor(middle - half), 0), last: Math.min(Math.ceil(middle + half), runs.length - 1) });
  };
  const move = (share) => {
    const span = shown.last - shown.first, step = Math.max(Math.round(span * share), 1) * Math.sign(share);
    const first = Math.max(Math.min(shown.first + step, runs.length - 1 - span), 0);
    redraw({ first, last: first + span });
  };
  section("history").append(
    make("p", { class: "muted" }, "Change against the first run with the current baseline; the band is what the limit allows. Lines break where runs cannot be compared: on another machine, or with another teacher."),
    make(
      "div",
      { class: "controls", role: "group", "aria-label": "Zoom of the history" },
      choice("metric", metrics.map((metric) => [metric, metric]), (metric) => redraw({ metric })).node,
      press("zoom in", () => zoom(0.5)),
      press("zoom out", () => zoom(2)),
      press("earlier", () => move(-0.5)),
      press("later", () => move(0.5)),
      press("all", () => redraw({ first: 0, last: runs.length - 1 })),
      range,
    ),
    place,
  );
  redraw({});
}

function trend(id, line, { metric, first, last }) {
  const width = 360, height = 190, left = 46, top = 28, bottom = 160;
  const { picture, node } = canvas(width, height, `History of ${id}, ${metric}`);
  const points = line.points.filter((point) => point && point.run >= first && point.run <= last);
  const edges = points.flatMap((point) => [point.low, point.high]);
  const most = Math.max(Math.abs(line.limit) * 1.5, ...edges.map(Math.abs)) * 1.1 || 0.01;
  const x = (run) => left + 8 + ((run - first) / Math.max(last - first, 1)) * (width - left - 24);
  const y = (value) => top + ((most - value) / (2 * most)) * (bottom - top);
  const allowed = line.unit !== "pp" ? [bottom, y(line.limit)] : [y(line.limit), top];
  picture.append(
    draw("text", { x: 8, y: 16 }, shortened(id, 46)),
    draw("rect", { x: left, width: width - left - 8, y: Math.min(...allowed), height: Math.abs(allowed[0] - allowed[1]), class: "band" }),
    draw("line", { x1: left, x2: width - 8, y1: y(0), y2: y(0), class: "axis" }),
    draw("line", { x1: left, x2: width - 8, y1: y(line.limit), y2: y(line.limit), class: "limit" }),
  );
  for (const value of [-most / 1.1, 0, most / 1.1]) picture.append(draw("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end", class: "muted" }, signed(value)));
  const group = draw("g", { class: "ship" });
  for (const segment of segments(points)) group.append(draw("path", { d: `M${segment.map((point) => `${x(point.run)} ${y(point.value)}`).join("L")}`, class: "curve" }));
  for (const point of points) {
    const run = DATA.history.runs[point.run];
    if (run.updated) group.append(draw("line", { x1: x(point.run), x2: x(point.run), y1: top, y2: bottom, class: "grid" }));
    const dot = draw("circle", { cx: x(point.run), cy: y(point.value), r: 4 });
    const unit = line.unit === "pp" ? " pp" : " %";
    hint(dot, `${run.created}, commit ${run.commit || "unknown"}${run.subject ? `: ${run.subject}` : ""}\n${metric}: ${point.figure}\nchange ${signed(point.value)}${unit}${run.updated ? "\nnew baseline" : ""}`);
    group.append(dot);
  }
  picture.append(group, draw("text", { x: left + 8, y: height - 8, class: "muted" }, DATA.history.runs[first].commit || DATA.history.runs[first].created));
  picture.append(draw("text", { x: width - 10, y: height - 8, "text-anchor": "end", class: "muted" }, DATA.history.runs[last].commit || DATA.history.runs[last].created));
  return node;
}

function segments(points) {
  const found = [];
  for (const point of points) {
    if (found.length && !point.breaks) found.at(-1).push(point);
    else found.push([point]);
  }
  return found;
}
