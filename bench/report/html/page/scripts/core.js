// What every section uses: the data, elements, numbers, hints. Text from the data becomes text nodes, never markup.
const DATA = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null && child !== ""));
  return node;
}

function section(id) {
  return document.getElementById(id);
}

function drop(id) {
  // A section without data is left out, together with its link.
  section(id).remove();
}

function canvas(width, height, label) {
  // Wide pictures scroll on narrow screens instead of shrinking their text.
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": label });
  return { picture, node: scrolling(label, picture) };
}

function scrolling(label, ...children) {
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, ...children);
}

function choice(label, options, changed) {
  const select = make("select", {}, ...options.map(([value, words]) => make("option", { value }, words)));
  select.addEventListener("change", () => changed(select.value));
  return { select, node: make("label", {}, label, select) };
}

function tick(label, checked, changed) {
  const box = make("input", { type: "checkbox", checked });
  box.addEventListener("change", () => changed(box.checked));
  return make("label", { class: "tick" }, box, label);
}

function press(label, action, attributes) {
  const button = make("button", { type: "button", ...attributes }, label);
  button.addEventListener("click", action);
  return button;
}

function unique(values) {
  return [...new Set(values)];
}

function minus(text) {
  return text.replace(/^-0(?![.\d])/, "0").replace("-", "−");
}

function count(value) {
  return value == null ? "–" : value.toLocaleString("en");
}

function signed(value, digits = 1) {
  const text = (100 * value).toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : minus((value > 0 ? "+" : "") + text);
}

function digits(value, count = 3) {
  if (value == null) return "–";
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return minus(value.toLocaleString("en", { maximumFractionDigits: Math.max(count - 1 - magnitude, 0) }));
}

function bytes(count) {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) if (count >= size) return `${digits(count / size)} ${unit}`;
  return `${count} B`;
}

function percent(value) {
  return value == null ? "–" : `${(100 * value).toFixed(1)} %`;
}

function quantile(sorted, share) {
  const at = share * (sorted.length - 1), low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

const tip = document.getElementById("tip");

function hint(node, words, press = null) {
  // Shown on hover and on focus; a screen reader says the same words. `press` is done on a click, Enter and Space.
  fill(node, { tabindex: 0, role: press ? "button" : "img", "aria-label": words.replaceAll("\n", ", ") }, []);
  node.classList.add("mark");
  const show = (x, y) => {
    tip.textContent = words;
    tip.hidden = false;
    tip.style.left = `${Math.max(Math.min(x + 14, window.innerWidth - tip.offsetWidth - 8), 4)}px`;
    tip.style.top = `${Math.max(Math.min(y + 14, window.innerHeight - tip.offsetHeight - 8), 4)}px`;
  };
  node.addEventListener("mousemove", (event) => show(event.clientX, event.clientY));
  node.addEventListener("mouseleave", hide);
  node.addEventListener("focus", () => {
    const box = node.getBoundingClientRect();
    show(box.left + Math.min(box.width, 200), box.bottom - 10);
  });
  node.addEventListener("blur", hide);
  if (!press) return;
  node.addEventListener("click", press);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault(); // Space would scroll the page
    press();
  });
}

function hide() {
  tip.hidden = true;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
});
