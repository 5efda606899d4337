"""Models behind one small protocol each: they offer steps, and run the ones they are given."""
