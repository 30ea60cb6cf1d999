"""Damaged inputs in great numbers: every one is read, or refused in one line (``python -m tests.fuzz``)."""
