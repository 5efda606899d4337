"""Voices: the contract, and one file a backend."""
