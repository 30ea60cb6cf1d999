// Scores of every file; of one file precision, recall and F1 of each label, and the confusion matrix; flipped rows.
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
  const counted = files.filter((file) => file.confusion.length || Object.keys(file.entities).length);
  if (!counted.length) return;
  const matrices = counted.some((file) => file.confusion.length);
  const place = make("div");
  const redraw = (id) => place.replaceChildren(...labels(counted.find((file) => file.id === id)));
  section("accuracy").append(
    make("h3", {}, matrices ? "Confusion matrix and scores per label" : "Scores per entity type"),
    make("div", { class: "controls" }, choice("file", counted.map((file) => [file.id, file.id]), redraw).node),
    place,
  );
  redraw(counted[0].id);
}

function labels(file) {
  const types = Object.entries(file.entities);
  if (types.length) return [perLabel(file, "type", "entities", types.map(([name, [hit, predicted, all]]) => ({ name, hit, predicted, all })))];
  const counts = file.confusion, names = counts.map((_, number) => DATA.accuracy.labels[number] ?? String(number));
  const head = make("tr", {}, make("th", { scope: "col" }, "true \\ predicted"), ...names.map((name) => make("th", { scope: "col", class: "number" }, name)));
  const rows = counts.map((row, number) =>
    make("tr", {}, make("th", { scope: "row" }, names[number]), ...row.map((rows, other) => make("td", { class: number === other ? "number hit" : "number" }, count(rows)))),
  );
  const matrix = scrolling("Confusion matrix", make("table", {}, make("caption", {}, `Confusion matrix of ${file.id}, examples`), make("thead", {}, head), make("tbody", {}, ...rows)));
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const each = names.map((name, number) => ({ name, hit: counts[number][number], predicted: sum(counts.map((row) => row[number])), all: sum(counts[number]) }));
  return [matrix, make("p", {}), perLabel(file, "label", "examples", each)];
}

// One row for each label: `hit` right predictions of `predicted`, where `all` are true.
function perLabel(file, label, unit, each) {
  const share = (part, whole) => (whole ? part / whole : null);
  const score = (title, value) => ({ title, number: true, value, show: (row, value) => percent(value) });
  const columns = [
    { title: label, value: (row) => row.name },
    score("precision", (row) => share(row.hit, row.predicted)),
    score("recall", (row) => share(row.hit, row.all)),
    score("F1", (row) => share(2 * row.hit, row.predicted + row.all)),
    { title: unit, number: true, value: (row) => row.all, show: (row, value) => count(value) },
  ];
  return sortable(`Scores of ${file.id} per ${label}`, columns, each, { rowHeader: true }).node;
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
