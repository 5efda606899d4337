"""Models, each behind one small protocol: they offer steps and run the ones the scheduler chooses."""
