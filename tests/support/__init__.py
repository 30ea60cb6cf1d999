"""What several test files share: builders of tiny models, manifests, results and pages."""

from pathlib import Path

REPO = Path(__file__).parents[2]
"""The checkout."""
