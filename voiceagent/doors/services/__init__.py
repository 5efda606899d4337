"""The STT, TTS and LLM services of NVIDIA's Nemotron voice agent example, for bots that were written for them."""
