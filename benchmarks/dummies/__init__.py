"""Checkpoints with random weights of the true shape, or a tiny one, written as files that load like any other."""
