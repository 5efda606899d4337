"""Silero: the embedded voice activity detector (ONNX, CPU)."""
