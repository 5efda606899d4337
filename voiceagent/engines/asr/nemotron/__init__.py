"""Nemotron Speech ASR: a cache-aware FastConformer RNN-T, streaming, batched over sessions (NeMo's weights)."""

from voiceagent.engines.asr.nemotron.engine import NemotronEngine

__all__ = ["NemotronEngine"]
