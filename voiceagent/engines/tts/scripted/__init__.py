"""A voice of tones."""
