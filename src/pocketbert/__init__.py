"""Compresses fine-tuned Chinese BERT models for phones, and checks every change against a baseline.

The subpackages are `pocketbert.compress` (makes models and files) and `pocketbert.bench` (measures and compares them).
Importing this package loads nothing else.
"""
