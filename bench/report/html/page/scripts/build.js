// The build: every step and attempt with the guard's decision.
function showBuild() {
  if (!DATA.steps.length) return drop("build");
  const columns = [
    { title: "step", value: (step) => step.name },
    { title: "decision", value: (step) => step.decision, class: (step) => (step.decision === "rolled-back" ? "regressed" : "") },
    { title: "strength", number: true, once: true, value: (step) => step.strength },
    { title: "metric", number: true, value: (step) => step.value, show: (step, value) => percent(value) },
    { title: "change against the teacher (95 % CI)", number: true, value: (step) => step.change?.[0], show: (step) => step.said || "–" },
    { title: "examples", number: true, once: true, value: (step) => step.examples, show: (step, value) => count(value) },
    { title: "seconds", number: true, value: (step) => step.seconds, show: (step, value) => (value == null ? "–" : digits(value)) },
  ];
  section("build").append(
    make("p", { class: "muted" }, `The model is compared with the fine-tuned teacher on the same validation examples; the limit is ${DATA.allowed}.`),
    sortable("Steps, in the order of the build", columns, DATA.steps, { rowHeader: true }).node,
  );
  if (!DATA.notes.length) return;
  section("build").append(make("details", {}, make("summary", {}, `${DATA.notes.length} remarks of the steps`), make("ul", {}, ...DATA.notes.map((note) => make("li", {}, note)))));
}
