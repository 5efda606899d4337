"""Moonshine: the embedded speech recogniser (ONNX, CPU)."""
