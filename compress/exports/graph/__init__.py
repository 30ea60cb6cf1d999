"""Exported graphs: how weights are stored, which ONNX Runtime opens them, what an NPU would take of them."""
