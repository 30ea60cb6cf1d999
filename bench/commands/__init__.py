"""Commands of ``pocketbert``, one file each; `pocketbert.bench.cli` puts them together."""
