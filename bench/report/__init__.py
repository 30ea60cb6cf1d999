"""Reports: Markdown and pictures drawn from `Results`. Matplotlib is loaded when one is written, not before."""

from bench.report.comparison import write_comparison
from bench.report.markdown import write_report

__all__ = ["write_comparison", "write_report"]
