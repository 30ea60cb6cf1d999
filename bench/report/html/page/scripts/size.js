// Bytes: a table of all files, and of one file a treemap, a column per part and a cell per tensor.
const PARTS = ["embeddings", "attention", "FFN", "head", "rest"];

function showSize() {
  if (!DATA.size.length) return drop("size");
  const columns = [
    { title: "model", value: (file) => file.id },
    { title: "on disk", number: true, value: (file) => file.bytes, show: (file, value) => bytes(value) },
    { title: "zipped", number: true, value: (file) => file.zipped, show: (file, value) => bytes(value) },
    ...PARTS.map((part) => ({ title: part, number: true, value: (file) => file.parts[part], show: (file, value) => (value == null ? "–" : bytes(value)) })),
  ];
  section("size").append(sortable("Bytes by part of the model", columns, DATA.size, { rowHeader: true }).node);
  const known = DATA.size.filter((file) => Object.keys(file.parts).length);
  if (!known.length) return;
  const place = make("div");
  const redraw = (id) => place.replaceChildren(treemap(known.find((file) => file.id === id)));
  const files = choice("file", known.map((file) => [file.id, file.id]), redraw);
  section("size").append(make("h3", {}, "Treemap"), make("div", { class: "controls" }, files.node), place);
  const first = known.find((file) => file.id === DATA.headline) || known[0];
  files.select.value = first.id;
  redraw(first.id);
}

function treemap(file) {
  const width = 1140, height = 300;
  const { picture, node } = canvas(width, height, `Treemap of ${file.id}`);
  const total = PARTS.reduce((sum, part) => sum + (file.parts[part] || 0), 0);
  let left = 0;
  for (const part of PARTS) {
    const size = file.parts[part] || 0;
    if (!size) continue;
    const span = (size / total) * width;
    const tensors = file.tensors.filter((tensor) => tensor.part === part);
    const listed = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
    const cells = tensors.map((tensor) => ({ bytes: tensor.bytes, words: `${tensor.name}\n${tensor.dtype} ${tensor.shape.join("×") || "scalar"}\n${bytes(tensor.bytes)}` }));
    if (size > listed) cells.push({ bytes: size - listed, words: `${part}${tensors.length ? ", smaller tensors" : ""}\n${bytes(size - listed)}` });
    let top = 0;
    for (const cell of cells) {
      const tall = (cell.bytes / Math.max(size, listed)) * height;
      const shape = draw("rect", { x: left, y: top, width: span, height: tall, class: `cell ${part}` });
      hint(shape, `${cell.words}\n${percent(cell.bytes / total)} of the file`);
      picture.append(shape);
      top += tall;
    }
    if (span > 70) picture.append(draw("text", { x: left + 8, y: 20, class: "light", "pointer-events": "none" }, `${part} ${bytes(size)}`));
    left += span;
  }
  return node;
}
