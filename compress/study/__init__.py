"""Measurements behind choices of this package; not part of it. `python -m compress.study.training_speed`."""
