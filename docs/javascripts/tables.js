// The theme puts wide tables into boxes that scroll. A box that scrolls gets the focus, so that the arrow keys move it.
addEventListener("load", () => {
  const watcher = new ResizeObserver((boxes) => {
    for (const { target } of boxes) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  document.querySelectorAll(".md-typeset__scrollwrap").forEach((box) => watcher.observe(box));
});
