"""Reports: Markdown and pictures made from `Results`. Matplotlib is loaded only when pictures are drawn."""
