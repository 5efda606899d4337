"""What voiceagent is measured with; all in one form: `python -m benchmarks.NAME [--quick] [--json FILE]`."""
