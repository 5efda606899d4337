"""Nemotron Speech ASR: a cache-aware FastConformer RNN-T, streaming, batched over sessions (NeMo's weights)."""
