"""Measurements behind choices of this package; not part of it. `python -m studies.training_speed`."""
