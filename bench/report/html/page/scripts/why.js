// Evidence for a regression: operators, tensors and libraries that changed.
function showWhy() {
  if (!DATA.why.length) return drop("why");
  section("why").append(make("p", { class: "muted" }, "Collected after the timed runs, for files that got slower or larger. Profiling adds overhead: its times show which operator got slower, not how much slower the model is."));
  for (const why of DATA.why) {
    section("why").append(make("h3", {}, `${why.artifact}: ${why.metrics.join(" and ")}`));
    for (const [kind, changes] of Object.entries(why.evidence)) {
      const columns = [
        { title: kind, value: (change) => change.what },
        { title: "before", value: (change) => change.was },
        { title: "now", value: (change) => change.now },
        { title: "more", number: true, value: (change) => change.cost, show: (change) => change.said || "–" },
      ];
      section("why").append(sortable(`${kind} of ${why.artifact}`, columns, changes).node, make("p", {}));
    }
    for (const reason of why.silent) section("why").append(make("p", {}, `Not examined: ${reason}`));
  }
}
