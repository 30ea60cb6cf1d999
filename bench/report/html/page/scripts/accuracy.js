// Scores of every file; of one file the confusion matrix with precision, recall and F1 of each label; flipped rows.
function showAccuracy() {
  const files = DATA.accuracy.files;
  if (!files.length) return drop("accuracy");
  const kinds = unique(files.flatMap((file) => Object.keys(file.scores)));
  const columns = [
    { title: "model", value: (file) => file.id },
    ...kinds.map((kind) => ({ title: kind, number: true, value: (file) => file.scores[kind], show: (file, value) => percent(value) })),
    { title: "change against the teacher (95 % CI)", number: true, value: (file) => file.change?.[0], show: (file) => file.said || "–" },
    { title: "examples", number: true, once: true, value: (file) => file.examples, show: (file, value) => count(value) },
    { title: "same label as in PyTorch", number: true, value: (file) => file.agreement, show: (file, value) => percent(value) },
  ];
  section("accuracy").append(sortable("Scores on the test split", columns, files, { rowHeader: true }).node);
  const counted = files.filter((file) => file.confusion.length);
  if (!counted.length) return;
  const place = make("div");
  const redraw = (id) => place.replaceChildren(...labels(counted.find((file) => file.id === id)));
  section("accuracy").append(
    make("h3", {}, "Confusion matrix and scores per label"),
    make("div", { class: "controls" }, choice("file", counted.map((file) => [file.id, file.id]), redraw).node),
    place,
  );
  redraw(counted[0].id);
}

function labels(file) {
  const counts = file.confusion, names = counts.map((_, number) => DATA.accuracy.labels[number] ?? String(number));
  const head = make("tr", {}, make("th", { scope: "col" }, "true \\ predicted"), ...names.map((name) => make("th", { scope: "col", class: "number" }, name)));
  const rows = counts.map((row, number) =>
    make("tr", {}, make("th", { scope: "row" }, names[number]), ...row.map((rows, other) => make("td", { class: number === other ? "number hit" : "number" }, count(rows)))),
  );
  const matrix = scrolling("Confusion matrix", make("table", {}, make("caption", {}, `Confusion matrix of ${file.id}, examples`), make("thead", {}, head), make("tbody", {}, ...rows)));
  const scores = names.map((name, number) => {
    const hit = counts[number][number], examples = counts[number].reduce((sum, count) => sum + count, 0);
    const predicted = counts.reduce((sum, row) => sum + row[number], 0);
    return { name, examples, precision: predicted ? hit / predicted : null, recall: examples ? hit / examples : null, f1: examples + predicted ? (2 * hit) / (examples + predicted) : null };
  });
  const column = (title) => ({ title, number: true, value: (score) => score[title.toLowerCase()], show: (score, value) => percent(value) });
  const columns = [{ title: "label", value: (score) => score.name }, column("precision"), column("recall"), column("F1"), { title: "examples", number: true, value: (score) => score.examples, show: (score, value) => count(value) }];
  return [matrix, make("p", {}), sortable(`Scores of ${file.id} per label`, columns, scores, { rowHeader: true }).node];
}

function showFlips() {
  const rows = DATA.flips.flatMap((flips) => flips.rows.map((row) => ({ ...row, artifact: flips.artifact, against: flips.against })));
  if (!DATA.flips.some((flips) => flips.lost || flips.won)) return drop("flips");
  const shown = { artifact: "", words: "" };
  const columns = [
    { title: "file", value: (row) => row.artifact },
    { title: "direction", value: (row) => row.way },
    { title: "test row", number: true, value: (row) => row.row, show: (row, value) => count(value) },
    { title: "right label", value: (row) => row.label },
  ];
  if (rows.some((row) => row.text)) columns.push({ title: "text", value: (row) => row.text });
  const table = sortable("Flipped examples, the first of each direction", columns, rows, { tall: true });
  const redraw = (change) => {
    Object.assign(shown, change);
    const words = shown.words.toLowerCase();
    table.update(rows.filter((row) => (!shown.artifact || row.artifact === shown.artifact) && (!words || `${row.row} ${row.label} ${row.text} ${row.way}`.toLowerCase().includes(words))));
  };
  const search = make("input", { type: "search" });
  search.addEventListener("input", () => redraw({ words: search.value }));
  section("flips").append(
    make("p", { class: "muted" }, "A negative flip was right and is wrong now; a positive flip was wrong and is right now."),
    make("ul", {}, ...DATA.flips.map((flips) => make("li", {}, make("code", {}, flips.artifact), ` against ${flips.against}: ${flips.lost} negative, ${flips.won} positive`))),
    make("div", { class: "controls" }, choice("file", [["", "all"], ...unique(rows.map((row) => row.artifact)).map((id) => [id, id])], (artifact) => redraw({ artifact })).node, make("label", {}, "search", search)),
    table.node,
  );
  if (!rows.some((row) => row.text)) section("flips").append(make("p", { class: "muted" }, "Texts may be personal data; the option --gate-show-texts adds them."));
}
