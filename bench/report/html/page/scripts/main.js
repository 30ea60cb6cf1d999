// Header, facts and downloads; then every section, and links to those that have something to show.
function showTop() {
  section("top").append(
    make("h1", {}, `pocketbert report: ${DATA.recipe}`),
    make("p", { class: `verdict ${DATA.state}` }, DATA.verdict),
    make("p", {}, DATA.teacher),
    make("p", { class: "muted" }, DATA.made, ...pullRequest()),
    ...(DATA.remarks.length ? [make("ul", {}, ...DATA.remarks.map((remark) => make("li", {}, remark)))] : []),
  );
}

function pullRequest() {
  return DATA.pull_request ? [" ", make("a", { href: DATA.pull_request }, "Pull request"), "."] : [];
}

function showFacts() {
  const csv = () => {
    const keys = ["outcome", "artifact", "metric", "place", "name", "baseline", "now", "estimate", "low", "high", "limit", "copy"];
    const cell = (value) => {
      const text = String(value ?? "");
      // A spreadsheet would run a text that begins like a formula.
      return `"${(/^[=+@\t\r-]/.test(text) && typeof value !== "number" ? `'${text}` : text).replaceAll('"', '""')}"`;
    };
    const rows = DATA.checks.map((check) => {
      const [estimate, low, high] = check.change || [];
      return keys.map((key) => cell({ ...check, estimate, low, high }[key])).join(",");
    });
    return [keys.join(","), ...rows].join("\n");
  };
  section("facts").append(
    make(
      "div",
      { class: "controls" },
      press("Download the data of this page (JSON)", () => save(`${DATA.recipe}.view.json`, "application/json", JSON.stringify(DATA, null, 1))),
      press("Download the checks (CSV)", () => save(`${DATA.recipe}.checks.csv`, "text/csv", csv())),
    ),
    sortable("Machine and library versions", [{ title: "what", value: (fact) => fact[0] }, { title: "value", value: (fact) => fact[1] }], DATA.facts, { rowHeader: true }).node,
  );
}

function save(name, type, content) {
  const link = make("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
}

showTop();
for (const show of [showChecks, showForest, showLatency, showAccuracy, showFlips, showSize, showMemory, showBuild, showHistory, showWhy, showFacts]) show();
for (const each of document.querySelectorAll("main > section")) {
  section("contents").append(make("li", {}, make("a", { href: `#${each.id}` }, each.querySelector("h2").textContent)));
}
