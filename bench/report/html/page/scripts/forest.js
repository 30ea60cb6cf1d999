// Forest plot: every change with its 95 % CI, in multiples of its limit, so that all metrics share one axis.
function showForest() {
  if (!DATA.checks.some((check) => check.limits)) return drop("forest");
  const place = make("div");
  section("forest").append(
    make("p", { class: "muted" }, "One row per check. To the right is worse; a bar that lies right of the dashed line is beyond the limit. Press a row to find it in the table."),
    place,
  );
  listeners.push((shown) => place.replaceChildren(forest(shown.filter((check) => check.limits))));
  place.append(forest(fitting().filter((check) => check.limits)));
}

function forest(shown) {
  const left = 400, right = 170, width = 1140, row = 22, top = 26;
  const height = top + row * Math.max(shown.length, 1) + 8;
  const { picture, node } = canvas(width, height, `Forest plot of ${shown.length} changes`);
  const most = Math.min(Math.max(2, ...shown.map((check) => Math.max(Math.abs(check.limits[1]), Math.abs(check.limits[2])))), 4);
  const x = (value) => left + ((Math.max(Math.min(value, most), -most) + most) / (2 * most)) * (width - left - right);
  for (let value = -Math.floor(most); value <= most; value++) {
    picture.append(
      draw("line", { x1: x(value), x2: x(value), y1: top - 6, y2: height, class: value === 0 ? "axis" : value === 1 ? "limit" : "grid" }),
      draw("text", { x: x(value), y: 14, "text-anchor": "middle", class: "muted" }, value === 0 ? "no change" : value === 1 ? "limit" : minus(`${value}×`)),
    );
  }
  shown.forEach((check, number) => {
    const y = top + row * number + row / 2, [middle, low, high] = check.limits;
    const group = draw(
      "g",
      { class: check.outcome, "data-check": check.number },
      draw("rect", { x: 0, y: y - row / 2, width, height: row, "fill-opacity": 0, "stroke-opacity": 0 }),
      draw("text", { x: left - 10, y: y + 4, "text-anchor": "end", stroke: "none" }, shortened(`${check.artifact}: ${check.name}`)),
      draw("line", { x1: x(low), x2: x(high), y1: y, y2: y, "stroke-width": 2.5 }),
      mark(check.outcome, x(middle), y),
      draw("text", { x: width - right + 10, y: y + 4, stroke: "none" }, check.said),
    );
    const find = () => {
      const line = section(`check-${check.number}`);
      line?.scrollIntoView({ block: "center" });
      line?.querySelector("button")?.focus();
    };
    hint(group, `${check.artifact}\n${check.name}\n${check.baseline || "–"} → ${check.now || "–"}\n${check.said}, limit ${check.allowed}\n${check.outcome}`, find);
    picture.append(group);
  });
  return node;
}

function mark(outcome, x, y) {
  // Shapes differ as well as colours.
  if (outcome === "regressed") return draw("path", { d: `M${x - 5} ${y - 6}l11 6l-11 6z` });
  if (outcome === "improved") return draw("path", { d: `M${x + 5} ${y - 6}l-11 6l11 6z` });
  if (outcome === "inconclusive") return draw("rect", { x: x - 4.5, y: y - 4.5, width: 9, height: 9 });
  return draw("circle", { cx: x, cy: y, r: 4.5 });
}

function shortened(text, most = 58) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
