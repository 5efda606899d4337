"""The composition root: config -> engines -> scheduler -> sessions -> server."""
