"""The first recipe for a model and its data (``pocketbert init``): both are checked together."""
