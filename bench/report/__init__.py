"""Reports: Markdown and pictures drawn from `Results`. Matplotlib is loaded when one is written, not before."""

from pocketbert.bench.report.comparison import write_comparison
from pocketbert.bench.report.page import write_report

__all__ = ["write_comparison", "write_report"]
