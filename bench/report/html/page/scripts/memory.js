// Peak memory: the runtime with its libraries, and the model; the curve over time on demand.
function showMemory() {
  const files = DATA.memory;
  if (!files.length) return drop("memory");
  const left = 210, right = 200, width = 1140, row = 32, height = row * files.length + 8;
  const { picture, node } = canvas(width, height, "Peak memory of every file");
  const most = Math.max(...files.map((file) => file.peak));
  const x = (mib) => (mib / most) * (width - left - right);
  files.forEach((file, number) => {
    const y = row * number + 6, libraries = Math.max(file.peak - file.own, 0);
    const group = draw(
      "g",
      {},
      draw("rect", { x: left, y, width: x(libraries), height: row - 10, class: "libraries" }),
      draw("rect", { x: left + x(libraries), y, width: x(file.own), height: row - 10, class: file.role }),
      draw("text", { x: left - 10, y: y + 15, "text-anchor": "end" }, shortened(file.id, 32)),
      draw("text", { x: left + x(file.peak) + 8, y: y + 15 }, `model ${digits(file.own)} of ${digits(file.peak)} MiB`),
    );
    hint(group, `${file.id}\nruntime and libraries: ${digits(libraries)} MiB\nmodel: ${digits(file.own)} MiB\npeak: ${digits(file.peak)} MiB`);
    picture.append(group);
  });
  section("memory").append(make("p", { class: "muted" }, "Grey: the runtime and its libraries, which the gate leaves out. Coloured: the model."), node);
  const curves = files.filter((file) => file.series.length > 1);
  if (!curves.length) return;
  const details = make("details", {}, make("summary", {}, "Resident memory over time"));
  details.addEventListener("toggle", () => details.children.length === 1 && details.append(make("div", { class: "panels" }, ...curves.map((file) => over(file, most)))), { once: true });
  section("memory").append(details);
}

function over(file, most) {
  const width = 340, height = 150, end = file.series.at(-1)[0] || 1;
  const { picture, node } = canvas(width, height, `Memory of ${file.id} over time`);
  const points = file.series.map(([second, mib]) => `${(40 + (second / end) * 290).toFixed(1)} ${(125 - (mib / most) * 100).toFixed(1)}`);
  picture.append(
    draw("text", { x: 8, y: 15 }, shortened(file.id, 44)),
    draw("line", { x1: 40, x2: 330, y1: 125, y2: 125, class: "axis" }),
    draw("g", { class: file.role }, draw("path", { d: `M${points.join("L")}`, class: "curve" })),
    draw("text", { x: 330, y: 142, "text-anchor": "end", class: "muted" }, `${digits(end)} s`),
    draw("text", { x: 40, y: 32, class: "muted" }, `peak ${digits(file.peak)} MiB`),
  );
  return node;
}
