"""Magpie TTS: NeMo's weights, decoded by a loop of our own."""
