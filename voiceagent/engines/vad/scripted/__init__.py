"""A voice activity detector that goes by loudness."""
