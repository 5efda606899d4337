"""Models with random weights, at their true shapes or tiny ones: to try a machine, to measure and to test with."""
