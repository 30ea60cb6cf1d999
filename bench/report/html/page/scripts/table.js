// A table that is sorted by its headers. A column: {title, value(row), show(row, value), number, class(row), once}.
// A column marked `once` that has one value in all rows is said in the caption; if it has none, it is left out.
function sortable(title, all, rows, options = {}) {
  const same = all.filter((column) => column.once && rows.length > 1 && unique(rows.map(column.value)).length < 2);
  const columns = all.filter((column) => !same.includes(column));
  const facts = same.flatMap((column) => {
    const row = rows.find((each) => column.value(each) != null);
    return row ? [`${column.title} ${column.show ? column.show(row, column.value(row)) : column.value(row)}`] : [];
  });
  const caption = [title, ...facts].join("; ");
  const body = make("tbody");
  const heads = columns.map((column, number) => {
    const head = make("th", { scope: "col", class: column.number ? "number" : null });
    head.append(column.value ? press(column.title, () => sort(number)) : column.title);
    return head;
  });
  const node = scrolling(caption, make("table", {}, make("caption", {}, caption), make("thead", {}, make("tr", {}, ...heads)), body));
  if (options.tall) node.classList.add("tall");
  let shown = rows, by = null, down = false;

  function sort(number) {
    down = by === number ? !down : Boolean(columns[number].number);
    by = number;
    heads.forEach((head, each) => {
      if (each === number) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    update(shown);
  }

  function update(next) {
    shown = next;
    const sorted = by === null ? shown : [...shown].sort((a, b) => compare(columns[by].value(a), columns[by].value(b), down ? -1 : 1));
    body.replaceChildren(...sorted.flatMap(lines));
    if (!sorted.length) body.append(make("tr", {}, make("td", { colspan: columns.length, class: "muted" }, "Nothing fits the filters.")));
  }

  function lines(row) {
    const cells = columns.map((column, number) => {
      const value = column.value ? column.value(row) : null;
      const content = column.show ? column.show(row, value) : value ?? "–";
      const look = [column.number ? "number" : "", column.class ? column.class(row) : ""].filter(Boolean).join(" ");
      return number === 0 && options.rowHeader ? make("th", { scope: "row" }, content) : make("td", { class: look || null }, content);
    });
    const line = make("tr", { id: options.id ? options.id(row) : null }, ...cells);
    const detail = options.detail ? options.detail(row, line) : null;
    return detail ? [line, detail] : [line];
  }

  update(rows);
  return { node, update };
}

// Rows without a value come last, whatever the direction.
function compare(a, b, direction) {
  if (a == null || b == null) return (a == null) - (b == null);
  return direction * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
}
