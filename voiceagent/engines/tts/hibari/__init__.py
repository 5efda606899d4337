"""Hibari: the embedded voice (ONNX, CPU)."""
