// The checks: filters, the table, and for each row the message and the command that runs this check alone.
const ORDER = ["regressed", "missing", "inconclusive", "no-baseline", "not possible here", "improved", "ok"];
const SIGNS = { regressed: "✗", missing: "✗", inconclusive: "?", "no-baseline": "–", "not possible here": "–", improved: "▲", ok: "✓" };
const listeners = [];
const filters = { artifact: "", metric: "", place: "", outcome: "", words: "", copies: false };

function fitting() {
  const words = filters.words.toLowerCase();
  return DATA.checks.filter(
    (check) =>
      ["artifact", "metric", "place", "outcome"].every((key) => !filters[key] || check[key] === filters[key]) &&
      (filters.copies || !check.copy) &&
      (!words || `${check.artifact} ${check.name} ${check.message}`.toLowerCase().includes(words)),
  );
}

function filtered(key, value) {
  filters[key] = value;
  for (const listener of listeners) listener(fitting());
}

function showChecks() {
  if (!DATA.checks.length) return section("checks").append(make("p", {}, DATA.verdict));
  const every = (key) => [["", "all"], ...unique(DATA.checks.map((check) => check[key]).filter(Boolean)).map((value) => [value, value])];
  const search = make("input", { type: "search", id: "search" });
  search.addEventListener("input", () => filtered("words", search.value));
  const controls = make(
    "div",
    { class: "controls", role: "group", "aria-label": "Filters" },
    choice("file", every("artifact"), (value) => filtered("artifact", value)).node,
    choice("metric", every("metric"), (value) => filtered("metric", value)).node,
    choice("profile/length", every("place"), (value) => filtered("place", value)).node,
    choice("verdict", every("outcome"), (value) => filtered("outcome", value)).node,
    make("label", {}, "search", search),
    tick("show checks that were not repeated", false, (value) => filtered("copies", value)),
  );
  const count = make("p", { class: "muted", id: "count", role: "status" });
  const table = sortable("Checks, the failing ones first", CHECK_COLUMNS, fitting(), { id: (check) => `check-${check.number}`, detail });
  listeners.push(table.update, (shown) => {
    count.textContent = `${shown.length} of ${DATA.checks.length} checks`;
  });
  section("checks").append(controls, count, table.node);
  filtered("words", "");
}

const CHECK_COLUMNS = [
  {
    title: "verdict",
    value: (check) => ORDER.indexOf(check.outcome),
    show: (check) => `${SIGNS[check.outcome]} ${check.outcome}`,
    class: (check) => `outcome ${check.outcome}`,
  },
  { title: "file", value: (check) => check.artifact, class: () => "name" },
  { title: "check", value: (check) => check.name, show: (check) => check.name + (check.copy ? " (not repeated)" : "") },
  { title: "baseline", number: true, show: (check) => check.baseline || "–" },
  { title: "now", number: true, show: (check) => check.now || "–" },
  { title: "change (95 % CI)", number: true, value: (check) => check.change?.[0], show: (check) => check.said || "–" },
  { title: "limit", number: true, show: (check) => check.allowed },
  {
    title: "of the limit",
    number: true,
    value: (check) => check.limits?.[0],
    show: (check) => (check.limits && check.limit ? `${minus((100 * check.limits[0]).toFixed(0))} %` : "–"),
  },
  { title: "details", show: (check) => check.button },
];

function detail(check, line) {
  const row = make("tr", { class: "detail", hidden: true }, make("td", { colspan: CHECK_COLUMNS.length }, ...explained(check)));
  row.id = `detail-${check.number}`;
  const button = press("", () => {
    row.hidden = !row.hidden;
    named();
  });
  const named = () => {
    button.textContent = row.hidden ? "show" : "hide";
    button.setAttribute("aria-expanded", String(!row.hidden));
    button.setAttribute("aria-label", `${button.textContent} details of ${check.artifact}, ${check.name}`);
  };
  named();
  line.lastChild.replaceChildren(button);
  return row;
}

function explained(check) {
  const lines = [make("p", {}, check.message)];
  if (check.copy) lines.push(make("p", {}, `Not measured again: ${check.copy}.`));
  if (check.pairs) lines.push(make("p", {}, `${check.pairs} pairs of processes with ${check.against}, ${percent(check.preempted)} of the runs were preempted.`));
  if (check.rerun) {
    const copy = press("copy", () => navigator.clipboard?.writeText(check.rerun).then(() => (copy.textContent = "copied")));
    lines.push(make("p", {}, "Run only this check: ", make("code", {}, check.rerun), " ", copy));
  }
  return lines;
}
