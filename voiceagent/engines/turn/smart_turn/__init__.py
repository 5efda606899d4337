"""Smart Turn: the embedded turn detector (ONNX, CPU)."""
