"""Measurements behind choices of pocketbert; not part of the package. `python -m studies.training_speed`."""
