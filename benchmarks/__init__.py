"""The benchmarks of voiceagent, all run in the same way: `python -m benchmarks.NAME [--quick] [--json FILE]`."""
